/**
 * What a sandbox costs: medians (minima, 90th percentiles) in milliseconds over runs that alternate.
 *
 *   node bench/sandbox.mjs [--runs N] [--isolation MODE]
 *
 * First the time from the call to the first instruction of a static program, against other runtimes where they are
 * installed (theirs without an overlay): of a step that was expected, as those of a build are while the step before them
 * runs, and of one that was not. Then a whole RUN step that does nothing: mount, execute, read the changes, keep the
 * layer. Needs root, gcc and a built checkout (TSBUILD_OUT names another output folder than dist).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const runs = Number(option('runs', '30'));
const isolation = option('isolation', 'auto');
const source = join(fileURLToPath(new URL('..', import.meta.url)), process.env.TSBUILD_OUT ?? 'dist', 'src');
const load = (path) => import(join(source, path));
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-'));
const root = join(folder, 'root');

/** Prints the nanoseconds of the monotonic clock, which Node's hrtime also shows, as its first act. */
function compileClock() {
  const code = `
    #include <time.h>
    #include <stdio.h>
    int main(void) {
      struct timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      printf("%lld\\n", now.tv_sec * 1000000000LL + now.tv_nsec);
      return 0;
    }`;
  writeFileSync(join(folder, 'clock.c'), code);
  mkdirSync(join(root, 'bin'), { recursive: true });
  execFileSync('gcc', ['-static', '-O1', '-o', join(root, 'bin/clock'), join(folder, 'clock.c')]);
  for (const name of ['proc', 'dev', 'sys', 'tmp', 'etc']) mkdirSync(join(root, name));
}

const job = { signal: new AbortController().signal, emit() {} };

function stepSpec(lowers, onOutput) {
  return {
    lowers,
    process: {
      argv: ['/bin/clock'],
      env: ['PATH=/bin'],
      cwd: '/',
      user: { uid: 0, gid: 0, groups: [0], home: '/' },
    },
    mounts: [],
    network: 'host',
    security: 'sandbox',
    hostname: 'bench',
    extraHosts: [],
    onOutput,
  };
}

/** Milliseconds from `start` to the time that the program printed. */
const since = (start, printed) => Number(BigInt(String(printed).trim()) - start) / 1e6;

function installed(name) {
  return ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/bin'].some((place) => existsSync(join(place, name)));
}

function bundle() {
  const at = join(folder, 'bundle');
  mkdirSync(at);
  execFileSync('runc', ['spec', '--bundle', at]);
  const file = join(at, 'config.json');
  const spec = JSON.parse(execFileSync('cat', [file], { encoding: 'utf8' }));
  spec.process = { ...spec.process, terminal: false, args: ['/bin/clock'], rlimits: [] };
  spec.root = { path: root, readonly: false };
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'network');
  writeFileSync(file, JSON.stringify(spec));
  return at;
}

/** A command that is spawned anew; undefined where it is not installed or does not work here. */
async function spawned(name, argvOf) {
  if (!installed(name)) return undefined;
  const run = async () => {
    const argv = argvOf();
    await pause(20);
    const start = process.hrtime.bigint();
    const { stdout, status, stderr } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name}: ${stderr.trim().split('\n')[0]}`);
    return since(start, stdout);
  };
  try {
    await run();
    return [name, run];
  } catch (error) {
    process.stdout.write(`left out: ${error.message}\n`);
    return undefined;
  }
}

async function variants(executor) {
  const { ownOverlayNamespace } = await load('layers/own-namespace.js');
  const own = (isExpected) => async () => {
    let printed = '';
    const spec = stepSpec([{ path: root, namespace: ownOverlayNamespace(folder) }], (_, chunk) => {
      printed += Buffer.from(chunk).toString();
    });
    if (isExpected) executor.expect?.(spec);
    await pause(20); // a step of a build has another before it
    const start = process.hrtime.bigint();
    const result = await executor.run(spec, job);
    const time = since(start, printed);
    await executor.discard(result.upper);
    return time;
  };
  const at = installed('runc') ? bundle() : '';
  let count = 0;
  const container = () => `bench-${process.pid}-${++count}`;
  const oci = (name, ...options) =>
    spawned(name, () => [name, ...options, '--root', join(folder, name), 'run', '--bundle', at, container()]);
  const bwrap = [
    'bwrap',
    '--bind',
    root,
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--unshare-all',
    '--share-net',
  ];
  return [
    [`tsbuild (${executor.mode})`, own(true)],
    [`tsbuild (${executor.mode}), not expected`, own(false)],
    await spawned('bwrap', () => [...bwrap, '/bin/clock']),
    at === '' ? undefined : await oci('crun', '--cgroup-manager', 'disabled'),
    at === '' ? undefined : await oci('runc'),
    ['spawn alone', (await spawned('cat', () => [join(root, 'bin/clock')]))[1]],
    [`whole RUN (${executor.mode})`, await wholeStep(executor)],
  ].filter((entry) => entry !== undefined);
}

/** A step on a layer of the store, read and kept as a layer. */
async function wholeStep(executor) {
  const [{ openStore }, { LayerStore }, { Snapshot }, { ownOverlayNamespace }, { readDirectoryForm }] =
    await Promise.all([
      load('store/store.js'),
      load('layers/layer-store.js'),
      load('layers/snapshot.js'),
      load('layers/own-namespace.js'),
      load('layers/walk-directory.js'),
    ]);
  const store = await openStore(join(folder, 'store'));
  const layers = new LayerStore({
    store,
    fetch: () => [],
    namespace: () => Promise.resolve(ownOverlayNamespace(folder)),
  });
  const form = await readDirectoryForm({ path: root, namespace: ownOverlayNamespace(folder) });
  const base = Snapshot.of([layers.fromChangeset(form.changeset, form.path, 0)]);
  await base.directories();
  await base.tree();
  return async () => {
    const spec = stepSpec(await base.directories(), () => {});
    executor.expect?.(spec);
    await pause(20);
    const start = process.hrtime.bigint();
    const result = await executor.run(spec, job);
    await layers.fromUpper(await base.tree(), result.upper, { created: 0 });
    return Number(process.hrtime.bigint() - start) / 1e6;
  };
}

chmodSync(folder, 0o755);
compileClock();
const { createExecutor } = await load('executor/create-executor.js');
const executor = await createExecutor({ scratch: join(folder, 'scratch'), isolation });
try {
  const all = await variants(executor);
  const times = new Map(all.map(([name]) => [name, []]));
  for (let run = 0; run <= runs; run += 1) {
    for (const [name, measure] of all) {
      const time = await measure();
      if (run > 0) times.get(name).push(time); // the first round warms up
    }
  }
  for (const [name, values] of times) {
    values.sort((a, b) => a - b);
    const at = (part) => values[Math.floor((values.length - 1) * part)].toFixed(1);
    process.stdout.write(`${at(0.5).padStart(7)} (${at(0)}, ${at(0.9)})`.padEnd(24) + `${name}\n`);
  }
} finally {
  await executor.close?.();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
