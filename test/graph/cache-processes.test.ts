/** Many builds on one store at once, some of them killed, while it is collected. `TSBUILD_ROUNDS` says how many rounds. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { collectCache } from '../../src/cache/collect-cache.js';
import { TsbuildError } from '../../src/util/errors.js';
import { FakeBuild } from '../helpers/fake-build.js';

const worker = fileURLToPath(new URL('../helpers/cache-worker.js', import.meta.url));
const rounds = Number(process.env['TSBUILD_ROUNDS'] ?? 2);
const processes = 8;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function start(folder: string, round: number) {
  const child = spawn(process.execPath, [worker, folder, String(round)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([
    new Promise<number | null>((resolve) => child.once('close', resolve)),
    textOf(child.stdout),
    textOf(child.stderr),
  ]).then(([code, output, errors]): Ended => ({ code, output, errors }));
  return { child, ended };
}

test('builds that want the same steps at once run each of them once, whoever is killed', async (t) => {
  t.timeout(60_000 + rounds * 20_000);
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('file', '1');
  const sums = { executions: 0, distinct: 0, again: 0, collections: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const started = Array.from({ length: processes }, () => start(build.folder, round));
    const victim = started[Math.floor(Math.random() * processes)];
    const collecting = collectWhile(build, Promise.all(started.map(({ ended }) => ended)), sums);
    await firstCommand(build.folder, round);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 200));
    victim?.child.kill('SIGKILL');
    const results = await Promise.all(started.filter((other) => other !== victim).map(({ ended }) => ended));
    await collecting;
    for (const { code, errors } of results) t.is(code, 0, errors);
    t.is(new Set(results.map(({ output }) => output)).size, 1);
    const runners = runnersOf(build.folder, round);
    t.is(runners.size, 4);
    for (const [command, pids] of runners) {
      // Only what the killed one began is done once more.
      const others = pids.filter((pid) => pid !== victim?.child.pid);
      t.true(others.length <= 1 && pids.length <= 2, `${command} was run by ${pids.join(', ')}`);
      sums.executions += pids.length;
      sums.again += pids.length - 1;
    }
    sums.distinct += runners.size;
  }
  const { executions, distinct, again, collections, refused } = sums;
  t.log(
    `${rounds} rounds, ${executions} executions of ${distinct} steps, ${again} of them again after a kill`,
  );
  t.log(`${collections} collections, ${refused} refused while builds used the store`);
});

/** Processes that ran each command of a round, in order. */
function runnersOf(folder: string, round: number): ReadonlyMap<string, readonly number[]> {
  const runners = new Map<string, number[]>();
  for (const line of commandsOf(folder, round)) {
    const [pid = '', ...command] = line.split(' ');
    const known = runners.get(command.join(' ')) ?? [];
    runners.set(command.join(' '), [...known, Number(pid)]);
  }
  return runners;
}

/** Collects again and again; while builds use the store it is refused. */
async function collectWhile(
  { store }: FakeBuild,
  work: Promise<unknown>,
  sums: { collections: number; refused: number },
): Promise<void> {
  let over = false;
  void work.finally(() => (over = true));
  while (!over) {
    try {
      await collectCache(store, { signal: new AbortController().signal });
      sums.collections += 1;
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      sums.refused += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function firstCommand(folder: string, round: number): Promise<void> {
  while (commandsOf(folder, round).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

function commandsOf(folder: string, round: number): readonly string[] {
  try {
    return readFileSync(join(folder, `ran-${round}`), 'utf8')
      .trim()
      .split('\n');
  } catch {
    return [];
  }
}

test('a step that another build runs is waited for, and that is shown', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const both = await Promise.all([
    build.build('FROM scratch\nRUN slow f 1'),
    build.build('FROM scratch\nRUN slow f 1'),
  ]);
  const ran = both.flatMap((result) => result.ran);
  t.deepEqual(ran, ['slow f 1']);
  const events = both.flatMap((result) => result.events);
  t.is(events.filter(({ kind }) => kind === 'waiting').length, 1);
  t.is(events.filter(({ kind }) => kind === 'cached').length, 1);
});

test('waiting ends when the build is aborted', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const first = build.build('FROM scratch\nRUN slow f 1');
  const controller = new AbortController();
  const second = build.build('FROM scratch\nRUN slow f 1', { signal: controller.signal });
  controller.abort(new TsbuildError('cancelled', 'stopped'));
  await t.throwsAsync(second, { message: 'stopped' });
  await first;
});

test('a step that fails is not taken from the one who failed', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const results = await Promise.allSettled([
    build.build('FROM scratch\nRUN fail 3'),
    build.build('FROM scratch\nRUN fail 3'),
  ]);
  t.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});
