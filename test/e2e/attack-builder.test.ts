/** Attacks of steps and base images on the builder around them: descriptors, environment, terminal, names, config. */
import { readdirSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compileStatic } from '../executor/busybox-root.js';
import { mode, testWhere, type Declare } from '../helpers/modes.js';
import { missingOf, runProgram } from '../helpers/programs.js';
import { hostileBase, objectOf } from './hostile-base.js';
import { printed, StepSite, stepTest, untouched } from './step-site.js';

const site = await StepSite.open('attacks');
test.after.always(() => site.close());
const canary = site.workspace.path('canary');

/** Runs a build by a shell that has done something before. */
function buildAfter(script: string, argv: readonly string[]): ReturnType<typeof runProgram> {
  const { workspace } = site;
  return runProgram(['bash', '-c', `${script}; exec "$@"`, 'sh', ...workspace.commandLine(argv)], {
    cwd: workspace.folder,
    env: { TSBUILD_ROOT: workspace.store },
  });
}

const openMany = `ulimit -n 4096; for ((i = 3; i < 1024; i++)); do if ((i % 2)); then eval "exec $i<'${canary}/file'"; else eval "exec $i<'${canary}'"; fi; done`;

stepTest('SBX-02, CVE-2016-9962: of a thousand descriptors of the builder a step has none', async (t) => {
  const { argv } = site.prepare(
    `FROM base
RUN i=0; while [ $i -lt 1024 ]; do (: <&$i) 2>/dev/null && echo open $i; [ $i -gt 2 ] && (cat <&$i) 2>/dev/null; (cd /proc/self/fd/$i) 2>/dev/null && echo entered; i=$((i+1)); done; cat ../../../../..${canary}/file; echo end`,
  );
  const built = await buildAfter(openMany, argv);
  t.is(built.code, 0, built.output);
  t.is(printed(built).replace(/^cat: can't open.*\n/m, ''), 'open 0\nopen 1\nopen 2\nend');
  t.is(site.canary(), untouched);
});

for (const number of [3, 4, 7, 8, 254, 255, 1022, 1023]) {
  stepTest(`CVE-2024-21626, DF-13: WORKDIR /proc/self/fd/${number} of a builder that has it`, async (t) => {
    const { argv } = site.prepare(
      `FROM base\nWORKDIR /proc/self/fd/${number}\nRUN cat ../../../..${canary}/file ./file; pwd\n`,
    );
    const built = await buildAfter(openMany, argv);
    t.not(built.code, 0, built.output);
    t.notRegex(built.output, /CANARY-CONTENT/);
    t.is(site.canary(), untouched);
  });
}

const ptyTest: Declare = missingOf(['script', 'gcc']).length === 0 ? stepTest : test.skip;
ptyTest('SBX-03: the terminal of the builder cannot be reached, typed into or read', async (t) => {
  const source = `
    #include <fcntl.h>
    #include <stdio.h>
    #include <unistd.h>
    #include <sys/ioctl.h>
    int main(void) {
      int tty = open("/dev/tty", O_RDWR), bad = 0;
      for (int fd = 0; fd < 4; fd++) if (!ioctl(fd, TIOCSTI, "x")) bad++;
      for (int fd = 0; fd < 3; fd++) if (isatty(fd)) bad++;
      printf("tty %d bad %d\\n", tty, bad); return 0;
    }`;
  t.true(compileStatic(source, site.workspace.path('type')));
  const { argv, folder } = site.prepare(
    'FROM base\nCOPY type /type\nRUN /type; ls /dev/pts; (: > /proc/self/fd/1) && echo reopened; exec >&-; exit 0\n',
  );
  await runProgram(['cp', site.workspace.path('type'), folder]);
  const quoted = site.workspace.commandLine(argv).map((word) => `'${word}'`);
  const built = await runProgram(['script', '-qec', quoted.join(' '), '/dev/null'], {
    cwd: site.workspace.folder,
    env: { TSBUILD_ROOT: site.workspace.store },
  });
  t.is(built.code, 0, built.output);
  t.regex(built.output, /tty -1 bad 0\r?\n/);
  if (mode !== undefined) t.regex(built.output, / ptmx\r?\n[^\n]* reopened/);
});

stepTest('SBX-09, SBX-10, CVE-2021-3602: of 200 variables of the builder none is seen', async (t) => {
  const names = Array.from({ length: 200 }, (_, index) => `CANARY_${index}`);
  const env = Object.fromEntries(names.map((name) => [name, `CANARY-VALUE-${name}`]));
  const { argv } = site.prepare(
    `FROM base
RUN env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'; ps; cat /proc/1/maps /proc/self/mountinfo; echo end
USER app
RUN env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; echo end`,
  );
  const built = await site.workspace.tsbuild(argv, { env });
  t.is(built.code, 0, built.output);
  t.notRegex(built.output, /CANARY-VALUE/);
  t.deepEqual([...new Set(printed(built).match(/^[A-Z_]+=/gm))].sort(), ['HOME=', 'PATH=', 'PWD=', 'SHLVL=']);
});

stepTest(
  'CVE-2026-57231: variables without a value in the config of a base bring none of the builder',
  async (t) => {
    const args = await hostileBase(site, 'evil', (config) => ({
      ...config,
      config: {
        ...objectOf(config['config']),
        Env: ['PATH=/bin', 'CANARY_SECRET', '*', 'CANARY_*', '=x', '=', ''],
      },
    }));
    const built = await site.build('FROM evil\nRUN env; tr "\\0" "\\n" < /proc/self/environ\n', {
      args,
      env: { CANARY_SECRET: 'CANARY-VALUE' },
    });
    t.notRegex(built.output, /CANARY-VALUE/);
    t.true([0, 1, 3, 4].includes(built.code), built.output);
  },
);

stepTest('CVE-2026-53488: labels and annotations of a base steer nothing', async (t) => {
  const labels = {
    'io.containerd.image.name': 'evil',
    'containerd.io/snapshot/remote': 'true',
    'containerd.io/gc.root': canary,
    'com.docker.compose.project.working_dir': canary,
    'io.buildah.version': '9',
    'run.oci.keep_original_groups': '1',
    'run.oci.mount_context_type': 'context',
    'io.podman.annotations.privileged': 'TRUE',
    'io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel': 'true',
    'org.opencontainers.image.base.name': `oci-layout://${canary}`,
    'tsbuild.isolation': 'none',
  };
  const args = await hostileBase(site, 'labelled', (config) => ({
    ...config,
    config: { ...objectOf(config['config']), Labels: labels },
    annotations: labels,
  }));
  const script =
    'RUN grep -E "^(Cap|Seccomp|NoNew|Groups)" /proc/self/status; cat /proc/self/mounts | sed "s/=[0-9:]*//g"';
  const [plain, labelled] = [
    await site.build(`FROM base\n${script}\n`),
    await site.build(`FROM labelled\n${script} # labelled\n`, { args }),
  ];
  t.is(labelled.code, 0, labelled.output);
  t.is(printed(labelled), printed(plain));
  t.is(site.canary(), untouched);
});

const procTest = testWhere(mode !== undefined, 'chroot mode has no /proc', stepTest);

const passwords: readonly [what: string, make: string][] = [
  ['a fifo', 'rm /etc/passwd && mkfifo /etc/passwd'],
  ['a link to a fifo of the image', 'rm /etc/passwd && mkfifo /fifo && ln -s /fifo /etc/passwd'],
  ['a link to /dev/zero', 'ln -sf /dev/zero /etc/passwd'],
  ['a link to /proc/self/fd/0', 'ln -sf /proc/self/fd/0 /etc/passwd'],
  ['a link to a file of the host', `ln -sf ../../../../../..${canary}/file /etc/passwd`],
  ['a link to itself', 'ln -sf passwd /etc/passwd'],
  ['a folder', 'rm /etc/passwd && mkdir /etc/passwd'],
  ['11 MiB', 'dd if=/dev/zero of=/etc/passwd bs=1M count=11 2>/dev/null'],
];
for (const [what, make] of passwords) {
  stepTest(`CVE-2024-9676, CVE-2026-47262: /etc/passwd is ${what}`, async (t) => {
    const built = await site.build(`FROM base\nRUN ${make}\nUSER app\nRUN echo RAN; id\n`);
    t.true([1, 4].includes(built.code), built.output);
    t.notRegex(printed(built), /RAN/);
    t.notRegex(built.output, /CANARY-CONTENT/);
    t.is(site.canary(), untouched);
  });
}

interface Identity {
  readonly user: string;
  readonly ids: string;
  readonly groups: string;
}
const identities: readonly Identity[] = [
  { user: 'root', ids: '0:0', groups: '0' },
  { user: '0', ids: '0:0', groups: '0' },
  { user: 'app', ids: '1000:1000', groups: '29 50 1000' },
  { user: 'app:', ids: '1000:1000', groups: '29 50 1000' },
  { user: '1000', ids: '1000:1000', groups: '29 50 1000' },
  { user: '01000', ids: '1000:1000', groups: '29 50 1000' },
  { user: 'app:staff', ids: '1000:50', groups: '50' },
  { user: 'app:0', ids: '1000:0', groups: '0' },
  { user: '1000:1000', ids: '1000:1000', groups: '1000' },
  { user: '4321', ids: '4321:0', groups: '0' },
  { user: '4321:staff', ids: '4321:50', groups: '50' },
  { user: ':staff', ids: '0:50', groups: '50' },
  { user: 'nobody', ids: '65534:65534', groups: '65534' },
  { user: 'nobody:29', ids: '65534:29', groups: '29' },
];

const usersTest = testWhere(mode !== 'single-id', 'supplementary groups cannot be had with one id', stepTest);
for (const [name, declare, withGroups] of [
  ['ids', stepTest, false],
  ['ids and supplementary groups', usersTest, true],
] as const) {
  declare(
    `DF-12, CVE-2022-36109, CVE-2022-2989, CVE-2022-2990, CVE-2023-25173: ${name} of 14 forms of USER`,
    async (t) => {
      const steps = identities.map(
        ({ user }) =>
          `USER ${user}\nRUN echo "$(id -u):$(id -g): $(id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' ')" # ${withGroups}\n`,
      );
      const built = await site.build(`FROM base\n${steps.join('')}`);
      t.is(built.code, 0, built.output);
      const lines = printed(built).split('\n');
      t.deepEqual(
        lines.map((line) => (withGroups ? line.trimEnd() : line.replace(/: .*$|:$/, ''))),
        identities.map(({ ids, groups }) => (withGroups ? `${ids}: ${groups}` : ids)),
      );
    },
  );
}

for (const user of [
  '4294967295',
  '4294967296',
  '18446744073709551616',
  '-1',
  '+1',
  '0x0',
  '1e3',
  '"ro ot"',
  'app:-1',
  '1:4294967295',
  'absent',
  '../../root',
]) {
  stepTest(
    `DF-12, CVE-2024-40635, CVE-2026-47262, CVE-2026-30892: USER ${user} is nobody, and never root`,
    async (t) => {
      const built = await site.build(`FROM base\nUSER ${user}\nRUN echo RAN; id\n`);
      t.not(built.code, 0, built.output);
      t.notRegex(printed(built), /RAN|uid=0/);
    },
  );
}

stepTest('DF-16: shells and commands of the host do not run', async (t) => {
  site.workspace.write({
    'canary-programs/evil': { content: `#!/bin/sh\necho x > ${canary}/ran\n`, mode: 0o755 },
  });
  const evil = site.workspace.path('canary-programs/evil');
  for (const instructions of [
    `SHELL ["${evil}", "-c"]\nRUN true`,
    `RUN ["${evil}"]`,
    `RUN <<E\n#!${evil}\nE`,
    `RUN printf '#!${evil}\\n' > /s && chmod +x /s\nRUN ["/s"]`,
    'RUN ["/proc/self/exe"]',
    'RUN ["/proc/1/exe"]',
    `RUN ["/proc/1/root${evil}"]`,
    `SHELL ["../../../../..${evil}"]\nRUN x`,
  ]) {
    const built = await site.build(`FROM base\n${instructions}\n`);
    t.not(built.code, 0, `${instructions}\n${built.output}`);
    t.is(site.canary(), untouched, instructions);
  }
});

stepTest(
  'DF-23, CVE-2014-9356, CVE-2014-6407: PATH, LD_PRELOAD and NODE_OPTIONS of a build reach its steps only',
  async (t) => {
    const evil = site.workspace.path('evil-programs');
    const script = `#!/bin/sh\necho x > ${canary}/ran\n`;
    site.workspace.write({
      ...Object.fromEntries(
        ['git', 'tar', 'gzip', 'xz', 'zstd', 'newuidmap', 'pasta', 'slirp4netns', 'node', 'sh'].map(
          (name) => [`evil-programs/${name}`, { content: script, mode: 0o755 }],
        ),
      ),
      'evil-programs/evil.js': `require('fs').writeFileSync('${canary}/ran', '')\n`,
    });
    const variables = {
      PATH: `${evil}:/bin`,
      LD_PRELOAD: `${evil}/evil.so`,
      LD_LIBRARY_PATH: evil,
      NODE_OPTIONS: `--require=${evil}/evil.js`,
      GIT_SSH_COMMAND: `${evil}/git`,
      TMPDIR: evil,
      HOME: evil,
    };
    const { argv, folder } = site.prepare(
      `FROM base
ARG PATH
ARG LD_PRELOAD
ARG LD_LIBRARY_PATH
ARG NODE_OPTIONS
ARG GIT_SSH_COMMAND
ARG TMPDIR
RUN echo "$LD_PRELOAD $NODE_OPTIONS" | wc -c
RUN mkdir -p /usr/local/bin && for p in xz gzip tar git; do printf '#!/bin/sh\\necho x > ${canary}/ran\\n' > /usr/local/bin/$p && chmod +x /usr/local/bin/$p; done
ADD archive.tar.gz /unpacked/
RUN cat /unpacked/f`,
      { args: Object.entries(variables).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]) },
    );
    site.workspace.write({ 'packed/f': 'from-archive\n' });
    await runProgram([
      'tar',
      'czf',
      join(folder, 'archive.tar.gz'),
      '-C',
      site.workspace.path('packed'),
      'f',
    ]);
    const built = await site.workspace.tsbuild(argv);
    t.is(built.code, 0, built.output);
    t.regex(printed(built), /from-archive/);
    t.is(site.canary(), untouched);
  },
);

procTest(
  'CVE-2025-52881, CVE-2019-16884, CVE-2019-19921, CVE-2023-27561: VOLUME /proc and a /proc that is a link',
  async (t) => {
    const built = await site.build(`FROM base
RUN rmdir /sys; ln -s /tmp /sys; mkdir /bad; true
VOLUME /proc /sys /dev
RUN test -e /proc/self/status && echo x 2>/dev/null > /proc/sys/kernel/domainname; grep -c ' /proc proc ' /proc/mounts; cat /proc/keys /proc/timer_list | wc -c; ls /bad`);
    t.is(built.code, 0, built.output);
    t.is(printed(built).replace(/^.*(Read-only|nonexistent|busy).*\n/gm, ''), '1\n0');
    for (const type of ['cache', 'tmpfs', 'bind']) {
      for (const target of ['/proc', '/sys', '/dev']) {
        const refused = await site.build(`FROM base\nRUN --mount=type=${type},target=${target} echo RAN\n`);
        t.not(refused.code, 0, refused.output);
        t.notRegex(printed(refused), /RAN/);
      }
    }
  },
);

for (const flag of [
  '--security=foo',
  '--security=Sandbox',
  '--security=',
  '--network=hOsT',
  '--network=none,host',
]) {
  stepTest(`GHSA-7236-3392-c5c6, DF-08: RUN ${flag} runs nothing`, async (t) => {
    const built = await site.build(`FROM base\nRUN echo RAN\nRUN ${flag} echo RAN\n`);
    t.is(built.code, 3, built.output);
    t.is(printed(built), '');
  });
}

for (const [where, dockerfile] of [
  [
    'a stage on scratch',
    'FROM scratch AS s\nRUN --security=insecure x\nFROM base\nRUN echo RAN\nCOPY --from=s / /\n',
  ],
  ['a heredoc', 'FROM base\nRUN echo RAN\nRUN --security=insecure <<E\necho RAN\nE\n'],
  [
    'a mounted stage',
    'FROM base AS s\nRUN --network=host echo RAN\nFROM base\nRUN echo RAN\nRUN --mount=from=s,target=/s true\n',
  ],
] as const) {
  stepTest(`CVE-2024-23653, DF-07: rights asked for in ${where} run nothing`, async (t) => {
    const built = await site.build(dockerfile);
    t.is(built.code, 2, built.output);
    t.is(printed(built), '');
  });
}

for (const option of [
  'bind-propagation=suid',
  'readonly=maybe',
  'size=-1',
  'mode=99999',
  'uid=4294967296',
  'type=tmpfs,rw,ro',
  'foo',
]) {
  stepTest(`DF-11, CVE-2024-9407: --mount with ${option} runs nothing`, async (t) => {
    const built = await site.build(
      `FROM base\nRUN echo RAN\nRUN --mount=type=cache,target=/x,${option} echo RAN\n`,
    );
    t.is(built.code, 3, built.output);
    t.is(printed(built), '');
  });
}

stepTest('SBX-22: a stage that goes on changing itself shows others its committed state only', async (t) => {
  const built = await site.build(
    `FROM base AS evil
RUN mkdir -p /out/d && echo good > /out/d/f && (setsid sh -c 'while :; do mv /out/d /out/e; ln -s ${canary} /out/d; rm /out/d; mv /out/e /out/d; done' &) ; i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; true
FROM base
COPY --from=evil /out /copied
RUN --mount=from=evil,source=/out,target=/m --mount=from=evil,source=/,target=/root2 cat /copied/*/f /m/*/f 2>/dev/null | sort -u; find /m /copied | wc -l; readlink /m/d /copied/d; cat /root2${canary}/file`,
    { args: ['--jobs', '2'] },
  );
  t.notRegex(printed(built), /CANARY-CONTENT/, built.output);
  t.true([0, 4].includes(built.code), built.output);
  t.is(site.canary(), untouched);
});

stepTest('CVE-2021-41091, CVE-2021-41103, CVE-2024-25621: the store is closed to other users', async (t) => {
  const built = await site.build('FROM base\nRUN cp /bin/busybox /su && chmod 4755 /su\n');
  t.is(built.code, 0, built.output);
  const { store } = site.workspace;
  t.is(statSync(store).mode & 0o777, 0o700);
  for (const name of readdirSync(store)) {
    const status = statSync(join(store, name));
    if (status.isDirectory()) t.is(status.mode & 0o022, 0, name);
  }
});

const keyTest: Declare = missingOf(['ssh-keygen']).length === 0 ? stepTest : test.skip;
keyTest('SBX-21: a builder that is killed leaves no socket of an agent behind', async (t) => {
  const key = site.workspace.path('agent-key');
  await runProgram(['ssh-keygen', '-q', '-N', '', '-t', 'ed25519', '-f', key]);
  const running = site.start(
    'FROM base\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo here; sleep 60\n',
    {
      args: ['--ssh', `default=${key}`],
    },
  );
  t.teardown(() => running.signal('SIGKILL'));
  await running.printed(/ here$/m);
  const sockets = (): string[] => socketsBelow(site.workspace.store);
  const open = sockets();
  t.true(open.length >= 1); // in chroot mode one lies in the root of the step as well
  if (mode !== undefined) t.is(statSync(join(open[0] ?? '', '..')).mode & 0o077, 0, 'of its owner alone');
  running.signal('SIGKILL');
  await running.ended;
  const next = await site.build('FROM base\nRUN echo next\n');
  t.is(next.code, 0, next.output);
  t.deepEqual(sockets(), []);
});

/** Other tests build meanwhile: what is gone when it is looked into is passed over. */
function socketsBelow(folder: string): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isSocket()) return [path];
    return entry.isDirectory() ? socketsBelow(path) : [];
  });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
