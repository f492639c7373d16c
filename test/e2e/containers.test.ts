/** Builds in containers of podman: as it starts them by default, with /proc unmasked, and with all rights. */
import { chmodSync, cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { podmanIn } from '../helpers/run-image.js';
import { projectRoot } from '../helpers/project.js';
import { findProgram, type Ended } from '../helpers/programs.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const folder = makeScratch('c'); // podman wants a short path
const workspace = makeWorkspace('containers');
const podman = podmanIn(folder);
const busybox = findProgram('busybox');
const out = process.env['TSBUILD_OUT'];
const launcher = out === undefined ? 'bin/tsbuild.js' : join(out, 'test/helpers/run-compiled.js');

/** A root with the programs of this machine, in which everything else is the container's own. */
const root = join(folder, 'machine');
for (const name of ['tmp', 'etc', 'proc', 'sys', 'dev', 'store', 'context']) {
  mkdirSync(join(root, name), { recursive: true });
}
chmodSync(join(root, 'tmp'), 0o1777);
for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));

/** Runs tsbuild in a container with these options. */
async function inContainer(options: readonly string[], args: readonly string[]): Promise<Ended> {
  const shown = [
    projectRoot,
    dirname(dirname(process.execPath)),
    realpathSync(join(projectRoot, 'node_modules')),
  ];
  const volumes = [...new Set(['/usr', ...shown])].flatMap((path) => ['-v', `${path}:${path}:ro`]);
  if (podman === undefined) throw new Error('no podman');
  return podman.run([
    'run',
    ...podman.runFlags,
    ...volumes,
    `--volume=${workspace.path('store')}:/store`,
    `--volume=${workspace.path('context')}:/context`,
    ...['TSBUILD_ROOT=/store', 'HOME=/tmp', 'SOURCE_DATE_EPOCH=1700000000'].map((pair) => `--env=${pair}`),
    ...options,
    '--rootfs',
    root,
    process.execPath,
    join(projectRoot, launcher),
    ...args,
  ]);
}

const dockerfile = `
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin; mkdir -p /d/e; echo 1 > /d/e/f; chmod 4755 /d/e/f"]
RUN --mount=type=secret,id=s test "$(cat /run/secrets/s)" = hidden && rm -r /d/e && mkdir /d/e
`;

async function starts(): Promise<boolean> {
  if (podman === undefined || busybox === undefined || !hasCommandLine) return false;
  mkdirSync(workspace.path('store'));
  workspace.write({
    'context/Dockerfile': dockerfile,
    'context/token': 'hidden',
    'context/.dockerignore': 'token',
  });
  cpSync(busybox, workspace.path('context/busybox'));
  return (await inContainer([], ['version'])).code === 0;
}

const it = (await starts()) ? test.serial : test.serial.skip;
test.after.always(() => Promise.all([workspace.remove(), removeScratch(folder)]));
const digests = new Map<string, string>();

const unconfined = ['--security-opt', 'seccomp=unconfined'];
const unmasked = ['--security-opt', 'unmask=ALL'];
const more = /seccomp=unconfined .*systempaths=unconfined.*procMount: Unmasked/;
for (const [title, options, mode, advice] of [
  ['as it is by default', [], 'chroot', more],
  ['that may make device nodes', ['--cap-add', 'MKNOD'], 'chroot', more],
  ['without a filter of system calls', unconfined, 'chroot', more],
  ['with /proc unmasked', unmasked, 'chroot', more],
  ['with both', [...unconfined, ...unmasked], 'rootless', /privileged: true/],
  ['with all rights', ['--privileged'], 'rootful', undefined],
] as const) {
  it(`a container ${title}: mode ${mode}, the line that gives more, the same digest`, async (t) => {
    t.timeout(120_000);
    const doctor = await inContainer(options, ['doctor', '--format', 'json']);
    const found: unknown = JSON.parse(doctor.stdout);
    t.like(found, { mode }, doctor.output);
    const text = (await inContainer(options, ['doctor'])).stdout;
    t.true(text.startsWith(`isolation mode: ${mode}\n`), text);
    if (advice !== undefined) t.regex(text.slice(text.indexOf('for more:')), advice);
    if (mode === 'chroot') t.regex(text, /network of its own for a build +no /);
    if (mode === 'chroot') t.like(found, { modes: { rootless: { errno: 'EPERM' } } }, doctor.output);
    const flags = ['-q', '--no-cache', '-t', 'x', '--secret', 'id=s,src=/context/token'];
    const built = await inContainer(options, ['build', ...flags, '/context']);
    t.is(built.code, 0, built.output);
    digests.set(title, built.stdout.trim());
    t.is(new Set(digests.values()).size, 1, JSON.stringify([...digests]));
    const ran = await inContainer(options, ['run', 'x', 'ls', '/d']);
    t.is(ran.stdout, 'e\n', ran.output);
  });
}

for (const [title, options, mode, said] of [
  ['of another user', [], 'none', /rootless +no +the user has no subordinate ids in \/etc\/subuid/],
  ['of another user with both', [...unconfined, ...unmasked], 'single-id', /usermod --add-subuids/],
] as const) {
  it(`a container ${title}: mode ${mode}`, async (t) => {
    const user = ['--user', '1000:1000', '-e', 'TSBUILD_ROOT=/tmp/store'];
    const { code, stdout, output } = await inContainer([...options, ...user], ['doctor']);
    t.is(code, mode === 'none' ? 6 : 0, output);
    t.true(stdout.startsWith(`isolation mode: ${mode}\n`), output);
    t.regex(stdout, said);
    const elsewhere = await inContainer([...options, '--user', '1000:1000'], ['doctor']);
    t.regex(elsewhere.output, /the store cannot be kept in "\/store.*": EACCES/);
  });
}

it('a mode that is asked for in a default container is refused with the errno and the way to it', async (t) => {
  for (const [mode, said] of [
    ['rootful', /--isolation=rootful is not possible here: CAP_SYS_ADMIN is missing/],
    ['rootless', /--isolation=rootless is not possible here: the kernel refused to mount \/proc: EPERM/],
    ['single-id', /--isolation=single-id is not possible here: the kernel refused to mount \/proc: EPERM/],
  ] as const) {
    const built = await inContainer([], ['build', '--no-cache', `--isolation=${mode}`, '/context']);
    t.is(built.code, 6, built.output);
    t.regex(built.output, said);
    t.regex(built.output, /hint: .*(privileged|systempaths=unconfined)/);
    t.notRegex(built.output, /isolation mode/);
  }
  t.true(readFileSync(workspace.path('context/Dockerfile')).length > 0);
});
