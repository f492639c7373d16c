/** One Dockerfile built in all places: the digest is the same. The last place, without any mode, takes it from the cache. */
import {
  copyFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  rmSync,
  chownSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/project.js';
import { findProgram, missingOf, runProgram, type Ended } from '../helpers/programs.js';
import { makeWorkspace } from '../helpers/tsbuild.js';

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const missing = missingOf(['root', 'busybox', 'useradd', 'userdel', 'newuidmap']);
const it = missing.length === 0 ? test.serial : test.skip;

/** Other users may not see the checkout: they use a copy of the compiled code. */
const copy = join(tmpdir(), `tsbuild-isolation-${process.pid}`);
const launcher = join(copy, out, 'test/helpers/in-place.js');
const commandLine = join(copy, out, 'test/helpers/run-compiled.js');
const userName = `tsb${process.pid}`;
let userId = 0;
const strangerId = 64_321;

test.before(async () => {
  if (missing.length > 0) return;
  mkdirSync(join(copy, out, 'test'), { recursive: true });
  cpSync(join(projectRoot, out, 'src'), join(copy, out, 'src'), { recursive: true });
  cpSync(join(projectRoot, out, 'test/helpers'), join(copy, out, 'test/helpers'), { recursive: true });
  cpSync(join(projectRoot, 'package.json'), join(copy, 'package.json'));
  for (const name of [
    'yargs',
    'yargs-parser',
    'p-limit',
    'yocto-queue',
    'dockerfile-ast',
    'ora',
    'fzstd',
    'xxhash-wasm',
  ]) {
    cpSync(join(projectRoot, 'node_modules', name), join(copy, 'node_modules', name), { recursive: true });
  }
  await runProgram(['chmod', '-R', 'go+rX', copy]);
  await runProgram(['useradd', '--no-create-home', userName]);
  userId = Number((await runProgram(['id', '-u', userName])).stdout);
});

test.after.always(async () => {
  if (missing.length > 0) return;
  rmSync(copy, { recursive: true, force: true });
  await runProgram(['userdel', userName]);
});

const dockerfile = `
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin; mkdir -p /tmp /etc /d/e; chmod 1777 /tmp; echo app:x:1000:1000::/app:/bin/sh > /etc/passwd; echo 1 > /d/e/f; echo 2 > /d/g; ln /d/g /d/h; ln -s g /d/l; mkfifo /d/p; chmod 4755 /d/g"]
COPY --chown=1000:1000 Dockerfile /app/file
COPY --chown=1000:50 --chmod=2775 Dockerfile /app/shared/
RUN echo more >> /app/file; rm -rf /d/e; mkdir /d/e; rm /d/l; touch /app/shared/new; chmod 700 /d
RUN <<END
  mkdir /d/n && mv /d/h /d/n/h && echo x > /etc/new
END
USER app
RUN touch /tmp/x; echo z >> /app/file; mkdir /app/mine; rm /app/shared/Dockerfile
`;

interface Place {
  readonly isolation: string;
  /** Argument of in-place.js; undefined: here. */
  readonly place?: () => string;
  readonly owner?: () => number;
}

const places: Readonly<Record<string, Place>> = {
  'root of the machine': { isolation: 'rootful' },
  'a user with subordinate ids': {
    isolation: 'rootless',
    place: () => `user-${userId}`,
    owner: () => userId,
  },
  'a user without': { isolation: 'single-id', place: () => `user-${strangerId}`, owner: () => strangerId },
  'root of a default container': { isolation: 'chroot', place: () => 'container' },
};

async function buildIn({ place, owner }: Place, folder: string, args: readonly string[]): Promise<Ended> {
  if (owner !== undefined) await runProgram(['chown', '-R', `${owner()}:${owner()}`, folder]);
  const node = [process.execPath, commandLine];
  const argv = place === undefined ? node : [process.execPath, launcher, place(), ...node];
  return runProgram([...argv, ...args], {
    cwd: folder,
    env: {
      TSBUILD_ROOT: join(folder, 'store'),
      HOME: folder,
      SOURCE_DATE_EPOCH: '1700000000',
      CI: undefined,
    },
  });
}

function fill(folder: string): void {
  mkdirSync(join(folder, 'context'));
  copyFileSync(findProgram('busybox') ?? '', join(folder, 'context/busybox'));
  chmodSync(join(folder, 'context/busybox'), 0o755);
  writeFileSync(join(folder, 'context/Dockerfile'), dockerfile);
}

const digests = new Map<string, string>();

for (const [name, place] of Object.entries(places)) {
  it(`${name}: auto takes mode ${place.isolation}, and the digest is that of the others`, async (t) => {
    const workspace = makeWorkspace('isolation');
    t.teardown(() => workspace.remove());
    fill(workspace.folder);
    chmodSync(workspace.folder, 0o755);
    const doctor = await buildIn(place, workspace.folder, ['doctor', '--format', 'json']);
    t.regex(doctor.stdout, new RegExp(`^{"mode":"${place.isolation}"`), doctor.output);
    const built = await buildIn(place, workspace.folder, ['build', '-q', '-t', 'x', 'context']);
    t.is(built.code, 0, built.output);
    digests.set(name, built.stdout.trim());
    t.is(new Set(digests.values()).size, 1, JSON.stringify([...digests]));
    const cached = await buildIn(place, workspace.folder, ['build', '-q', '--isolation=none', 'context']);
    t.is(cached.stdout.trim(), built.stdout.trim(), cached.output);
    const none = await buildIn(place, workspace.folder, [
      'build',
      '-q',
      '--isolation=none',
      '--no-cache',
      'context',
    ]);
    t.is(none.code, 6);
    t.regex(none.stderr, /--isolation=none excludes/);
    const ran = await buildIn(place, workspace.folder, ['run', 'x', 'cat', '/etc/passwd']);
    t.is(ran.stdout, 'app:x:1000:1000::/app:/bin/sh\n', ran.output);
    const pruned = await buildIn(place, workspace.folder, ['cache', 'prune', '--all']);
    t.is(pruned.code, 0, pruned.output);
  });
}

for (const [place, isolation] of [
  ['overlay', 'rootful'],
  ['overlay', 'single-id'],
  ['overlay-container', 'auto'],
] as const) {
  it(`${place}, ${isolation}: the digest is the same where the store lies on an overlay`, async (t) => {
    const workspace = makeWorkspace('isolation');
    t.teardown(() => workspace.remove());
    fill(workspace.folder);
    const at: Place = { isolation, place: () => `${place}:${workspace.folder}` };
    const built = await buildIn(at, workspace.folder, ['build', '-q', `--isolation=${isolation}`, 'context']);
    t.is(built.stdout.trim(), digests.get('root of the machine') ?? '', built.output);
    const doctor = (await buildIn(at, workspace.folder, ['doctor'])).stdout;
    t.regex(
      doctor,
      place === 'overlay' ? /the store lies on an overlay itself/ : /^isolation mode: chroot$/m,
    );
    if (place === 'overlay') t.regex(doctor, /put the store on a volume/);
  });
}

it('a mode that cannot be had is refused, not replaced', async (t) => {
  const workspace = makeWorkspace('isolation');
  t.teardown(() => workspace.remove());
  fill(workspace.folder);
  chmodSync(workspace.folder, 0o755);
  for (const [name, isolation] of [
    ['a user without', 'rootful'],
    ['a user without', 'rootless'],
    ['a user without', 'chroot'],
    ['root of a default container', 'rootful'],
    ['root of a default container', 'single-id'],
  ] as const) {
    const place = places[name];
    if (place === undefined) continue;
    chownSync(workspace.folder, place.owner?.() ?? 0, place.owner?.() ?? 0);
    rmSync(join(workspace.folder, 'store'), { recursive: true, force: true });
    const { code, stderr } = await buildIn(place, workspace.folder, [
      'build',
      `--isolation=${isolation}`,
      'context',
    ]);
    t.is(code, 6, `${name} ${isolation} ${stderr}`);
  }
  t.true(readFileSync(join(workspace.folder, 'context/Dockerfile')).length > 0);
});
