/** RUN --mount=type=secret and ssh in real builds; nothing of a secret is found anywhere afterwards. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compileAgentClient, startAgent } from '../helpers/ssh-agent.js';
import { formsOf } from '../helpers/scan-secrets.js';
import { appId, printed, StepSite, stepTest, untouched } from './step-site.js';

const site = await StepSite.open('secrets');
test.after.always(() => site.close());

stepTest('SBX-20: a secret is a file in memory with the owner and mode that were asked for', async (t) => {
  const built = await site.build(
    `FROM base
RUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/new/dir/k,mode=0640,uid=1000,gid=1000 --mount=type=secret,id=s,target=rel \\
  stat -c '%a %u:%g' /run/secrets/s /new/dir/k /rel && stat -f -c %T /run/secrets/s && wc -c < /new/dir/k && grep ' /run/secrets/s ' /proc/mounts && ! echo x > /run/secrets/s
RUN ! test -e /run/secrets && ! test -e /run && ! test -e /new && ! test -e /rel`,
    { args: ['--secret', 'id=s,src=tok'], env: { PWD: undefined } },
  );
  t.is(built.code, 2, 'the file is relative to the working folder');
  site.workspace.write({ tok: 'twelve bytes' });
  const again = await site.build(
    `FROM base
WORKDIR /w
RUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/new/dir/k,mode=0640,uid=1000,gid=1000 --mount=type=secret,id=s,target=rel \\
  stat -c '%a %u:%g' /run/secrets/s /new/dir/k /w/rel && stat -f -c %T /run/secrets/s && wc -c < /new/dir/k && grep ' /run/secrets/s ' /proc/mounts && ! echo x > /run/secrets/s
RUN ! test -e /run && ! test -e /new && ! test -e /w/rel`,
    { args: ['--secret', 'id=s,src=tok'] },
  );
  t.is(again.code, 0, again.output);
  const lines = printed(again).split('\n');
  t.deepEqual(lines.slice(0, 5), ['400 0:0', `640 ${appId}:${appId}`, '400 0:0', 'tmpfs', '12']);
  t.regex(lines[5] ?? '', /ro,nosuid,nodev,noexec/);
});

stepTest('SBX-20: a secret as a variable; both; a variable of the image gives way', async (t) => {
  const built = await site.build(
    `FROM base
ENV TOKEN=public
RUN --mount=type=secret,id=s,env=TOKEN echo "$TOKEN" | md5sum && ! test -e /run/secrets/s
RUN --mount=type=secret,id=s,env=OTHER,target=/f test "$OTHER" = "$(cat /f)" && echo $TOKEN`,
    { args: ['--secret', 'id=s,env=FROM_HERE'], env: { FROM_HERE: 'hidden-value' } },
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /^[0-9a-f]{32} {2}-$/m);
  t.regex(printed(built), /^public$/m);
});

stepTest('SBX-20: a missing secret is no mount, and an error where it is required', async (t) => {
  const optional = await site.build(
    'FROM base\nRUN --mount=type=secret,id=absent ! test -e /run/secrets && echo fine\n',
  );
  t.is(printed(optional), 'fine', optional.output);
  const unset = await site.build(
    'FROM base\nRUN --mount=type=secret,id=absent,env=A test -z "${A+x}" && echo fine\n',
    {
      args: ['--secret', 'id=absent,env=NOT_SET_ANYWHERE'],
    },
  );
  t.is(printed(unset), 'fine', unset.output);
  const required = await site.build('FROM base\nRUN --mount=type=secret,id=absent,required true\n');
  t.is(required.code, 4, required.output);
  t.regex(required.stderr, /secret "absent" was not given/);
  t.regex(required.stderr, /--secret id=absent,src=FILE/);
});

stepTest('SBX-20: 500 KiB and not one byte more', async (t) => {
  site.workspace.write({ exact: 'x'.repeat(500 * 1024), larger: 'x'.repeat(500 * 1024 + 1) });
  const dockerfile = 'FROM base\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s\n';
  const exact = await site.build(dockerfile, { args: ['--secret', 'id=s,src=exact'] });
  t.is(printed(exact), `${500 * 1024}`, exact.output);
  const larger = await site.build(dockerfile, { args: ['--secret', 'id=s,src=larger'] });
  t.is(larger.code, 2, larger.output);
  t.regex(larger.stderr, /larger than 512000 bytes/);
});

stepTest('SBX-20: a target through links of the image stays in the image', async (t) => {
  site.workspace.write({ key: 'KEY-MATERIAL' });
  const canary = site.workspace.path('canary');
  const built = await site.build(
    `FROM base
RUN ln -s ../../../..${canary} /run && ln -s ${canary}/file /link
RUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/link wc -c < /run/secrets/s && wc -c < ${canary}/file`,
    { args: ['--secret', 'id=s,src=key'] },
  );
  t.is(built.code, 0, built.output);
  t.is(printed(built), '12\n12');
  t.is(site.canary(), untouched);
});

stepTest('the value of a secret is in no key: another one is a hit', async (t) => {
  const dockerfile = 'FROM base\nRUN --mount=type=secret,id=s,env=S --mount=type=secret,id=s echo RAN\n';
  const withValue = (value: string) =>
    site.build(dockerfile, { args: ['--secret', 'id=s,env=V'], env: { V: value } });
  t.is(printed(await withValue('first-value')), 'RAN');
  t.is(printed(await withValue('second-value')), '');
});

stepTest('LOG-01: a secret is nowhere: store, image, output, metadata, names of processes', async (t) => {
  const random = (): string => `S3cr3t/+"${randomBytes(12).toString('base64')}`;
  const [file, variable, multiline, proxy] = [
    random(),
    random(),
    `${random()}\n${random()}`,
    randomBytes(12).toString('hex'),
  ];
  site.workspace.write({ 'secret-file': `${file}\n`, 'secret-lines': multiline });
  const { argv } = site.prepare(
    `FROM base AS first
RUN --mount=type=secret,id=file set -x; cat /run/secrets/file; cp /run/secrets/file /tmp/used; rm /tmp/used; ps -o args; cat /proc/*/cmdline
RUN --mount=type=secret,id=var,env=TOKEN set -x; echo $TOKEN; env; test -n "$TOKEN"
FROM base
RUN --mount=type=secret,id=lines cat /run/secrets/lines; cat /proc/self/environ
RUN --mount=type=secret,id=file --mount=type=secret,id=var,env=TOKEN --mount=from=first,target=/first cat /run/secrets/file && echo "$TOKEN" && env && exit 3`,
    {
      args: [
        '--secret',
        'id=file,src=secret-file',
        '--secret',
        'id=var,env=SECRET_VAR',
        '--secret',
        'id=lines,src=secret-lines',
        '--build-arg',
        `HTTP_PROXY=http://user:${proxy}@127.0.0.1:9/`,
        '--metadata-file',
        'metadata.json',
        '-o',
        'type=oci,dest=image.tar',
      ],
    },
  );
  const env = { SECRET_VAR: variable };
  const failed = await site.workspace.tsbuild(argv, { env });
  t.is(failed.code, 4, failed.output);
  const passed = await site.workspace.tsbuild(
    [...argv.slice(0, -1), '--target', 'first', ...argv.slice(-1)],
    { env },
  );
  t.is(passed.code, 0, passed.output);
  const rawJson = await site.workspace.tsbuild(
    [...argv.slice(0, -1), '--no-cache', '--progress', 'rawjson', ...argv.slice(-1)],
    { env },
  );
  t.is(rawJson.code, 4);
  const places: [string, Buffer][] = [
    ['output', Buffer.from(failed.output + passed.output)],
    ['events', Buffer.from(rawJson.output)],
    ['metadata', readFileSync(site.workspace.path('metadata.json'))],
    ['image', readFileSync(site.workspace.path('image.tar'))],
    ...site.storedFiles(),
  ];
  t.true(places.length > 10);
  for (const secret of [file, variable, ...multiline.split('\n')]) {
    for (const form of formsOf(secret)) {
      t.deepEqual(
        places.filter(([, bytes]) => bytes.includes(form)).map(([place]) => place),
        [],
        form.toString(),
      );
    }
  }
  // What a step prints of its proxy is its own affair; nothing may keep it.
  const kept = places.filter(([place]) => place !== 'output' && place !== 'events');
  t.deepEqual(
    kept.filter(([, bytes]) => bytes.includes(Buffer.from(proxy))).map(([place]) => place),
    [],
  );
});

stepTest('LOG-06: a printed secret is masked, also when it comes in pieces', async (t) => {
  const built = await site.build(
    `FROM base
RUN --mount=type=secret,id=s v=$(cat /run/secrets/s); printf 'start '; for i in 1 2 3 4 5 6 7 8 9 10; do printf "$(echo $v | cut -c$i)"; sleep 0.02; done; echo ' end'; echo "[$v]"`,
    { args: ['--secret', 'id=s,env=V'], env: { V: 'abcdefghij' } },
  );
  t.is(built.code, 0, built.output);
  t.is(printed(built), 'start *** end\n[***]');
});

stepTest('SBX-21: a step sees one socket, whose agent it can only ask', async (t) => {
  const client = compileAgentClient(site.workspace.path('client'));
  if (client === undefined) return void t.pass('no compiler');
  const path = site.workspace.path('agent.sock');
  const agent = await startAgent(path);
  t.teardown(() => agent.close());
  const dockerfile = `FROM base
COPY --chmod=755 client /client
RUN --mount=type=ssh,uid=1000,mode=0660 echo $SSH_AUTH_SOCK; stat -c '%F %a %u' $SSH_AUTH_SOCK; ls /run/buildkit; /client
RUN ! test -e /run && test -z "$SSH_AUTH_SOCK"`;
  const built = await site.build(dockerfile, {
    args: ['--ssh', 'default'],
    files: { client: { content: client, mode: 0o755 } },
    env: { SSH_AUTH_SOCK: path },
  });
  t.is(built.code, 0, built.output);
  t.deepEqual(printed(built).split('\n'), [
    '/run/buildkit/ssh_agent.0',
    `socket 660 ${appId}`,
    'ssh_agent.0',
    '12',
    '5', // failure
  ]);
  t.deepEqual(agent.seen, [11]);
  const temporary = readdirSync(join(site.workspace.store, 'tmp'), { recursive: true });
  t.deepEqual(
    temporary.filter((name) => String(name).endsWith('/agent')),
    [],
  );
});

stepTest('ssh: without an agent there is no mount, and an error where it is required', async (t) => {
  const optional = await site.build(
    'FROM base\nRUN --mount=type=ssh test -z "$SSH_AUTH_SOCK" && ! test -e /run && echo fine\n',
  );
  t.is(printed(optional), 'fine', optional.output);
  const required = await site.build('FROM base\nRUN --mount=type=ssh,required true\n');
  t.is(required.code, 4, required.output);
  t.regex(required.stderr, /no SSH agent "default" was given/);
  const none = await site.build('FROM base\nRUN true\n', {
    args: ['--ssh', 'default'],
    env: { SSH_AUTH_SOCK: undefined },
  });
  t.is(none.code, 2, none.output);
  t.regex(none.stderr, /SSH_AUTH_SOCK is not set/);
});
