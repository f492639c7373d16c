/** RUN --mount=type=bind, cache and tmpfs in real builds, and what has been done with them to other builders. */
import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { printed, StepSite, stepTest, untouched } from './step-site.js';

const site = await StepSite.open('mounts');
test.after.always(() => site.close());
const canary = site.workspace.path('canary');

stepTest('bind: the context without what is ignored, owned by root, read-only', async (t) => {
  const built = await site.build(
    `FROM base
RUN --mount=target=/ctx ls /ctx /ctx/dir && stat -c '%u:%g %a' /ctx/dir/f && ! touch /ctx/new && ! test -e /ctx/secret.txt`,
    { files: { 'dir/f': { content: 'x', mode: 0o640 }, 'secret.txt': 's', '.dockerignore': 'secret.txt\n' } },
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /0:0 640/);
});

stepTest('bind: an ignored source is explained', async (t) => {
  const built = await site.build('FROM base\nRUN --mount=target=/x,source=secret.txt true\n', {
    files: { 'secret.txt': 's', '.dockerignore': 'secret.txt\n' },
  });
  t.is(built.code, 1, built.output);
  t.regex(built.stderr, /\.dockerignore/);
});

stepTest('bind: a source that is not there', async (t) => {
  const built = await site.build('FROM base\nRUN --mount=target=/x,source=absent true\n');
  t.is(built.code, 4, built.output);
  t.regex(built.stderr, /"\/absent" is not in the build context/);
  t.regex(built.stderr, /Dockerfile:2/);
});

stepTest('bind: from a stage and an image; a file; mount points leave nothing in the layer', async (t) => {
  const built = await site.build(`FROM base AS tools
RUN mkdir -p /opt/deep && echo tool > /opt/deep/tool && rm /etc/hostname; ln -s deep /opt/short
FROM base AS plain
FROM base
RUN --mount=from=tools,source=/opt/short,target=/new/a/b --mount=from=base,source=/etc/passwd,target=/p,rw \\
    cat /new/a/b/tool && head -1 /p && ! echo x > /new/a/b/x && echo x >> /p
RUN ls / && ! test -e /new && ! test -e /p`);
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /tool\nroot:/);
});

stepTest('bind: from=scratch is an empty folder', async (t) => {
  const built = await site.build(
    'FROM base\nRUN --mount=from=scratch,target=/e,rw ls -A /e | wc -l && touch /e/x\nRUN ! test -e /e/x\n',
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /^0$/m);
});

stepTest('CVE-2025-4953: what is written into a bind is in neither context nor layer', async (t) => {
  const { argv, folder } = site.prepare(
    `FROM base
RUN --mount=target=/ctx,rw echo changed > /ctx/kept && echo new > /ctx/new && rm -r /ctx/dir && chmod 777 /ctx
RUN ! test -e /ctx`,
    { files: { kept: 'original', 'dir/f': 'x' }, args: ['-o', 'type=local,dest=out-4953'] },
  );
  const built = await site.workspace.tsbuild(argv);
  t.is(built.code, 0, built.output);
  t.deepEqual(readdirSync(folder).sort(), ['Dockerfile', 'dir', 'kept']);
  t.is(readFileSync(join(folder, 'kept'), 'utf8'), 'original');
  t.false(existsSync(site.workspace.path('out-4953/ctx')));
});

stepTest(
  'CVE-2024-1753: a source that is a link to / shows the root of its stage, not of the host',
  async (t) => {
    const built = await site.build(
      `FROM base AS evil
RUN ln -s / /rootdir && ln -s ../../../../../../../../.. /up && echo mine > /stage-file
FROM base
RUN --mount=type=bind,from=evil,source=/rootdir,target=/var/empty/bind,rw \\
    cat /var/empty/bind/stage-file && ! ls -d /var/empty/bind${canary} && mkdir -p /var/empty/bind${canary} && echo x > /var/empty/bind${canary}/file
RUN --mount=type=bind,from=evil,source=/up,target=/var/empty/bind cat /var/empty/bind/stage-file && ! ls -d /var/empty/bind${canary}`,
    );
    t.is(built.code, 0, built.output);
    t.is(printed(built).match(/^mine$/gm)?.length, 2);
    t.is(site.canary(), untouched);
  },
);

stepTest('CVE-2024-1753: a link in the context ends inside the context', async (t) => {
  const { argv, folder } = site.prepare('FROM base\nRUN --mount=target=/x,source=out cat /x/file\n');
  symlinkSync(canary, join(folder, 'out'));
  const built = await site.workspace.tsbuild(argv);
  t.is(built.code, 4, built.output);
  t.notRegex(built.output, /CANARY-CONTENT/);
});

stepTest('CVE-2024-11218: a source that is exchanged for a link during the build', async (t) => {
  const { argv, folder } = site.prepare(
    `FROM base
RUN --mount=target=/x,source=sub sleep 0.2; cat /x/file
RUN --mount=target=/x,source=sub,rw cat /x/file; echo broken > /x/file`,
    { files: { 'sub/file': 'of the context' } },
  );
  const [real, link, spare] = ['sub', 'link', 'spare'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  symlinkSync(canary, link);
  const swap = setInterval(() => {
    renameSync(real, spare);
    renameSync(link, real);
    renameSync(real, link);
    renameSync(spare, real);
  }, 1);
  const built = await site.workspace.tsbuild(argv);
  clearInterval(swap);
  t.notRegex(built.output, /CANARY-CONTENT/);
  t.is(site.canary(), untouched);
});

stepTest('CVE-2024-23652: a mount point that becomes a link to the host', async (t) => {
  const built = await site.build(
    `FROM base
RUN --mount=type=tmpfs,target=/a/file --mount=type=tmpfs,target=/b/c/file mv /a /moved; mv /b /moved2; ln -s ${canary} /a; mkdir /b; ln -s ${canary} /b/c; ls -l /a
RUN ls -ld /a /b/c`,
  );
  t.is(built.code, 0, built.output);
  t.is(site.canary(), untouched);
});

stepTest('CVE-2024-23651: a folder of a cache that is a link leads nowhere', async (t) => {
  const made = await site.build(
    `FROM base\nRUN --mount=type=cache,id=linked,target=/c ln -s / /c/sel && ln -s ${canary} /c/canary && mkdir -p /c/ok && ln -s ../../../../.. /c/ok/up\n`,
  );
  t.is(made.code, 0, made.output);
  for (const source of ['sel', 'canary', `sel${canary}`, 'ok/up', 'absent', '/sel/etc']) {
    const built = await site.build(
      `FROM base\nRUN --mount=type=cache,id=linked,source=${source},target=/m ls -la /m; cat /m/file; echo x > /m/new\n`,
    );
    t.is(built.code, 4, `${source}: ${built.output}`);
    t.regex(built.stderr, /is no folder of its cache/);
  }
  t.is(site.canary(), untouched);
});

stepTest('CVE-2024-23651: the same while another step exchanges it', async (t) => {
  const victim = `RUN --mount=type=cache,id=race,source=sel,target=/m if test -e /m${canary} || test -e /m/etc; then echo ESCAPED > /m${canary}/new; echo ESCAPED; fi; test -e /m/mine`;
  const prepared = await site.build(
    'FROM base\nRUN --mount=type=cache,id=race,target=/c mkdir /c/sel && touch /c/sel/mine\n',
  );
  t.is(prepared.code, 0, prepared.output);
  const attack = site.start(
    `FROM base
RUN --mount=type=cache,id=race,target=/c echo ready; i=0; while [ $i -lt 100000 ] && ! [ -e /c/stop ]; do i=$((i+1)); mv /c/sel /c/old; ln -s / /c/sel; rm /c/sel; mv /c/old /c/sel; done`,
  );
  await attack.printed(/ready/);
  for (let round = 0; round < 5; round += 1) {
    const built = await site.build(`FROM base\n${victim} # ${round}\n`);
    t.notRegex(printed(built), /ESCAPED/);
    t.true([0, 4].includes(built.code), built.output);
  }
  await attack.stop();
  t.is(site.canary(), untouched);
});

for (const id of [`../../../../../../../..${canary}`, canary, 'ünïcode', '$(id)', '%2e%2e']) {
  stepTest(
    `CVE-2024-9675, DF-10: the cache id ${JSON.stringify(id.replace(canary, '/canary'))} is no path`,
    async (t) => {
      const built = await site.build(
        `FROM base\nRUN --mount=type=cache,id=${id},target=/c echo x > /c/new\n`,
      );
      t.is(built.code, 0, built.output);
      t.is(site.canary(), untouched);
      for (const name of readdirSync(join(site.workspace.store, 'cache-mounts/v1')))
        t.regex(name, /^[0-9a-f]{64}$/);
    },
  );
}

stepTest('CVE-2024-9407: an unknown option runs nothing', async (t) => {
  const built = await site.build(
    'FROM base\nRUN echo RAN\nRUN --mount=target=/x,bind-propagation=suid true\n',
  );
  t.is(built.code, 3, built.output);
  t.is(printed(built), '');
});

stepTest('DF-09: targets through links of the image stay in the image', async (t) => {
  const built = await site.build(
    `FROM base
RUN ln -s ../../../../../../..${canary} /lnk && ln -s /lnk/x /etc/deep
RUN --mount=type=tmpfs,target=/lnk/made touch ${canary}/made/x && ls -d /lnk/made
RUN --mount=type=tmpfs,target=/etc/deep ls -d ${canary}/x`,
  );
  t.is(built.code, 0, built.output);
  t.is(site.canary(), untouched);
});

for (const [link, target] of [
  ['/proc', '/p/sys'],
  ['/proc/self/root', '/p/etc'],
  ['..', '/p/proc'],
]) {
  stepTest(`DF-09: a target that a link to ${link} leads to /proc is refused`, async (t) => {
    const built = await site.build(
      `FROM base\nRUN ln -s ${link} /p\nRUN --mount=type=tmpfs,target=${target} true\n`,
    );
    t.is(built.code, 4, built.output);
    t.regex(built.stderr, /not a place for a mount/);
  });
}

stepTest('DF-09: /etc/hosts and /run/secrets may be targets', async (t) => {
  const built = await site.build(
    `FROM base
RUN --mount=target=/etc/hosts,source=h --mount=type=tmpfs,target=/run/secrets cat /etc/hosts && touch /run/secrets/x
RUN ! test -e /run/secrets && ! grep mine /etc/hosts`,
    { files: { h: 'mine' } },
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /mine/);
});

stepTest('cache: kept between builds, in no layer, emptied by --no-cache', async (t) => {
  const dockerfile = (nonce: string): string =>
    `FROM base\nRUN --mount=type=cache,id=kept,target=/c echo ${nonce} >> /c/list && cat /c/list\nRUN ! test -e /c\n`;
  t.regex(printed(await site.build(dockerfile('one'))), /^one$/);
  t.regex(printed(await site.build(dockerfile('two'))), /^one\ntwo$/);
  const cached = await site.build(dockerfile('two'));
  t.is(printed(cached), '');
  const again = await site.build(dockerfile('two'), { args: ['--no-cache'] });
  t.is(printed(again), 'two');
  const other = await site.build(dockerfile('three'), {
    args: ['--build-arg', 'BUILDKIT_CACHE_MOUNT_NS=ns'],
  });
  t.is(printed(other), 'three', 'another namespace');
});

stepTest('cache: seeded from a stage; owner and mode; a user can write', async (t) => {
  const built = await site.build(`FROM base AS seed
RUN mkdir -p /s/t && echo seeded > /s/t/f && ln -s /s/t /link
FROM base
RUN --mount=type=cache,from=seed,source=/link,target=/c,id=seeded cat /c/f && echo more >> /c/f
USER app
RUN --mount=type=cache,target=/u,uid=1000,gid=1000,mode=0700 touch /u/x && stat -c '%u:%g %a' /u
RUN --mount=type=cache,target=/plain,ro ! touch /plain/x`);
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /^seeded$/m);
  t.regex(printed(built), /^1000:1000 700$/m);
});

stepTest('SBX-19: what a hostile build leaves in a shared cache gives no rights', async (t) => {
  const left = await site.build(`FROM base
RUN --mount=type=cache,id=shared,target=/c cp /bin/busybox /c/id && chmod 4755 /c/id && mknod /c/disk b 7 0; mkdir /c/zero && chmod 000 /c/zero; touch "/c/$(printf 'a\\nb')"; true`);
  t.is(left.code, 0, left.output);
  const victim = await site.build(`FROM base
USER app
RUN --mount=type=cache,id=shared,target=/c /c/id -u; dd if=/c/disk of=/dev/null count=1 2>&1 | head -1; grep -o 'nosuid,nodev' /proc/mounts | head -1`);
  t.is(victim.code, 0, victim.output);
  t.regex(printed(victim), /^1000$/m, 'setuid does not count');
  t.notRegex(printed(victim), /records in/);
  const emptied = await site.build('FROM base\nRUN --mount=type=cache,id=shared,target=/c ls /c | wc -l\n', {
    args: ['--no-cache'],
  });
  t.is(printed(emptied), '0', emptied.output);
});

stepTest('SBX-19: sharing=locked excludes other processes', async (t) => {
  const step = (name: string): string =>
    `FROM base\nRUN --mount=type=cache,id=mutex,sharing=locked,target=/c mkdir /c/busy && sleep 0.3 && rmdir /c/busy && echo ${name}\n`;
  const all = await Promise.all(['a', 'b', 'c'].map((name) => site.build(step(name))));
  for (const built of all) t.is(built.code, 0, built.output);
});

stepTest(
  'a bind enters the key by content: only a change of what it shows runs the step again',
  async (t) => {
    const { argv, folder } = site.prepare(
      `FROM base AS tools
RUN mkdir /t && echo 1 > /t/f && date +%s%N > /other
FROM base
RUN --mount=target=/x,source=src --mount=from=tools,source=/t,target=/t cat /x/a /t/f && echo RAN`,
      { files: { 'src/a': 'one', unrelated: 'x' } },
    );
    const again = (): Promise<boolean> =>
      site.workspace.tsbuild(argv).then((built) => /RAN$/m.test(printed(built)));
    t.true(await again());
    t.false(await again());
    site.workspace.write({ [`${folder.split('/').at(-1)}/unrelated`]: 'y' });
    t.false(await again(), 'a file that is not shown');
    site.workspace.write({ [`${folder.split('/').at(-1)}/src/a`]: 'two' });
    t.true(await again(), 'a file that is shown');
  },
);

stepTest('DF-06: a frontend is neither fetched nor run', async (t) => {
  const built = await site.build('# syntax=127.0.0.1:9/evil/frontend:1\nFROM base\nRUN echo ordinary\n');
  t.is(built.code, 0, built.output);
  t.is(printed(built), 'ordinary');
});

for (const path of [
  '/proc/self/fd/7',
  '/proc/self/fd/3',
  '/proc/1/cwd',
  '/proc/self/root',
  '/proc/1/root',
  `/${'d'.repeat(5000)}`,
]) {
  stepTest(`CVE-2024-21626, DF-13: WORKDIR ${path.slice(0, 20)} shows nothing of the host`, async (t) => {
    const built = await site.build(
      `FROM base\nWORKDIR ${path}\nRUN pwd; ls -la ..${canary} ../../..${canary}; cat ../../../..${canary}/file\n`,
    );
    t.not(built.code, 0, built.output);
    t.notRegex(built.output, /CANARY-CONTENT/);
    t.is(site.canary(), untouched);
  });
}
for (const path of ['../../..', '/../../x', '/link/deeper']) {
  stepTest(`DF-13, DF-14, GHSA-q6r4-3wmg-fwcq: WORKDIR ${path} is a folder of the image`, async (t) => {
    const built = await site.build(
      `FROM base\nRUN ln -s ../../../..${canary} /link\nWORKDIR ${path}\nRUN echo x > made && ! cat /link/file\n`,
    );
    t.is(built.code, 0, built.output);
    t.is(site.canary(), untouched);
  });
}
