/** `tsbuild run`, `tsbuild doctor` and `--debug-shell` as users have them. */
import { copyFileSync } from 'node:fs';
import test from 'ava';
import { findProgram, missingOf } from '../helpers/programs.js';
import { registryAvailable, startRegistry } from '../helpers/registry-server.js';
import { makeWorkspace } from '../helpers/tsbuild.js';

const it = missingOf(['root', 'busybox']).length === 0 ? test : test.skip;
const workspace = makeWorkspace('run');
test.after.always(() => workspace.remove());

const dockerfile = `
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /etc /work && echo 'app:x:1000:1001::/work:/bin/sh' > /etc/passwd
USER app
WORKDIR /work
ENV FROM_IMAGE=yes
ENTRYPOINT ["sh", "-c"]
CMD ["echo default"]
`;

test.before(async (t) => {
  if (missingOf(['root', 'busybox']).length > 0) return;
  workspace.write({ Dockerfile: dockerfile, 'shown/file': 'from outside' });
  copyFileSync(findProgram('busybox') ?? '', workspace.path('busybox'));
  const { code, output } = await workspace.tsbuild(['build', '-q', '-t', 'app', '.']);
  t.is(code, 0, output);
});

const run = (...args: readonly string[]) => workspace.tsbuild(['run', ...args]);

for (const [title, args, code, stdout] of [
  ['the image says what is started', ['app'], 0, 'default\n'],
  [
    'a command replaces the image’s',
    ['app', 'id -u; id -g; pwd; echo $FROM_IMAGE $HOME'],
    0,
    '1000\n1001\n/work\nyes /work\n',
  ],
  [
    'an entry point replaces both',
    ['--entrypoint', 'env', '-e', 'A=1', 'app'],
    0,
    /^PATH=.*\nFROM_IMAGE=yes\nA=1\nHOME=\/work\n$/,
  ],
  ['user and working directory', ['--user', '0', '-w', '/etc', 'app', 'id -u; pwd'], 0, '0\n/etc\n'],
  ['the exit code is the command’s', ['app', 'exit 42'], 42, ''],
  ['a signal is 128 and its number', ['app', 'kill -TERM $$'], 143, ''],
  ['a command that is not there is 127', ['--entrypoint', 'nothing', 'app'], 127, ''],
  ['no network but loopback', ['--network', 'none', 'app', 'ls /sys/class/net'], 0, 'lo\n'],
  [
    'a folder can be read',
    ['-v', './shown:/m:ro', 'app', 'cat /m/file; echo x > /m/file 2>/dev/null; echo $?'],
    0,
    'from outside1\n',
  ],
] as const) {
  it(title, async (t) => {
    const ended = await run(...args);
    t.is(ended.code, code, ended.output);
    if (typeof stdout === 'string') t.is(ended.stdout, stdout, ended.output);
    else t.regex(ended.stdout, stdout);
  });
}

it('standard input reaches the command with -i only', async (t) => {
  const options = { input: 'typed\n' };
  t.is((await workspace.tsbuild(['run', '-i', 'app', 'cat'], options)).stdout, 'typed\n');
  t.is((await workspace.tsbuild(['run', 'app', 'cat'], options)).stdout, '');
});

it('changes are discarded', async (t) => {
  await run('--user', '0', 'app', 'rm -rf /etc; touch /made');
  t.is((await run('app', 'ls -d /etc /made 2>/dev/null')).stdout, '/etc\n');
});

it('signals are passed on, and end the command', async (t) => {
  const running = workspace.start([
    'run',
    'app',
    'trap "echo told; exit 5" TERM; echo up; while :; do sleep 0.1; done',
  ]);
  await running.printed(/up/);
  running.signal('SIGTERM');
  const ended = await running.ended;
  t.is(ended.code, 5, ended.output);
  t.is(ended.stdout, 'up\ntold\n');
});

it('a terminal cannot be had where there is none', async (t) => {
  const ended = await run('-t', 'app');
  t.is(ended.code, 2);
  t.regex(ended.stderr, /no terminal/);
  const shell = await workspace.tsbuild(['build', '--debug-shell', '.']);
  t.is(shell.code, 2);
});

const pulled = registryAvailable ? it : test.skip;

pulled('an image that only a registry has is pulled', async (t) => {
  const registry = await startRegistry();
  const elsewhere = makeWorkspace('run-pulled');
  t.teardown(() => Promise.all([registry.close(), elsewhere.remove()]));
  const name = `${registry.host}/app:1`;
  for (const args of [
    ['tag', 'app', name],
    ['push', name],
  ]) {
    const { code, output } = await workspace.tsbuild(args);
    t.is(code, 0, output);
  }
  const first = await elsewhere.tsbuild(['run', name, 'echo $FROM_IMAGE; rm -f /bin/sh; touch /made']);
  t.is(first.stdout, 'yes\n', first.output);
  registry.requests();
  t.is((await elsewhere.tsbuild(['run', name, 'id -u; ls /made 2>/dev/null'])).stdout, '1000\n');
});

it('an image that is nowhere is an error', async (t) => {
  t.not((await run('localhost:1/none')).code, 0);
});

it('doctor names the mode, its promises and what each probe found', async (t) => {
  const { code, stdout } = await workspace.tsbuild(['doctor', '--format', 'json']);
  t.is(code, 0);
  const found: unknown = JSON.parse(stdout);
  t.like(found, { mode: 'rootful', modes: { rootful: { works: true }, chroot: { works: true } } });
  t.regex((await workspace.tsbuild(['doctor'])).stdout, /^isolation mode: rootful\n/);
});

it('a RUN for another processor says that an emulator is missing', async (t) => {
  workspace.write({
    'foreign/Dockerfile': 'FROM scratch\nCOPY --chmod=755 program /program\nRUN ["/program"]\n',
    // The head of an ELF file for s390x, which no machine of ours is.
    'foreign/program': {
      content: Buffer.from(
        '7f454c4602020100000000000000000000020016000000010000000000000000'.padEnd(256, '0'),
        'hex',
      ),
      mode: 0o755,
    },
  });
  const { code, stderr } = await workspace.tsbuild(['build', '--platform', 'linux/s390x', 'foreign']);
  t.is(code, 4, stderr);
  t.regex(stderr, /a RUN step for linux\/s390x cannot run on this machine: no emulator is registered/);
  t.regex(stderr, /binfmt/);
});
