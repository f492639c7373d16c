import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { TsbuildError } from '../../src/util/errors.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { scratchOf } from '../helpers/stores.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const dockerfile = `FROM scratch AS tool
COPY lib /lib
FROM scratch AS app
COPY main /bin/
COPY --from=tool /lib/a /etc/
LABEL x=1
WORKDIR /work
`;

interface Setup {
  readonly context: string;
  /** Runs a command line; `@` stands for the context. */
  readonly run: (...args: string[]) => Promise<CliRun>;
  readonly json: (...args: string[]) => Promise<readonly Record<string, unknown>[]>;
}

/** A project that copies two files, built once as `app`. */
async function built(t: ExecutionContext): Promise<Setup> {
  const root = scratchOf(t);
  const context = join(root, 'context');
  mkdirSync(join(context, 'lib'), { recursive: true });
  writeFileSync(join(context, 'lib/a'), 'a');
  writeFileSync(join(context, 'main'), 'main');
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  const run = (...args: string[]) =>
    runCli(
      join(root, 'store'),
      args.map((arg) => (arg === '@' ? context : arg)),
    );
  const json = async (...args: string[]) =>
    (await run(...args, '--format', 'json')).stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  await run('build', '--quiet', '-t', 'app', '@');
  return { context, run, json };
}

const instructionsOf = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row['instruction']);

test('cache ls: filters choose by stage, type, text, size, age and pin', async (t) => {
  const { run, json } = await built(t);
  const listed = async (...filters: string[]) =>
    instructionsOf(await json('cache', 'ls', ...filters.flatMap((filter) => ['--filter', filter])))
      .map(String)
      .toSorted();
  const all = ['COPY --from=tool /lib/a /etc/', 'COPY lib /lib', 'COPY main /bin/', 'WORKDIR /work'];
  t.deepEqual(await listed(), all);
  t.deepEqual(await listed('stage=tool'), ['COPY lib /lib']);
  t.deepEqual(await listed('type=workdir'), ['WORKDIR /work']);
  t.deepEqual(await listed('text=main'), ['COPY main /bin/']);
  t.deepEqual(await listed('stage=app', 'type=COPY'), [all[0], all[2]]);
  t.deepEqual(await listed('stage=app', 'stage=tool'), all);
  t.deepEqual(await listed('size=1g'), []);
  t.deepEqual(await listed('until=1h'), []);
  t.deepEqual(await listed('pinned=false'), all);
  const [row] = await json('cache', 'ls', '--filter', 'stage=tool');
  await run('cache', 'pin', String(row?.['key']));
  t.deepEqual(await listed('pinned=true'), ['COPY lib /lib']);
  await t.throwsAsync(run('cache', 'ls', '--filter', 'color=red'), { instanceOf: TsbuildError });
});

test('cache ls, show and du are tables and JSON', async (t) => {
  const { run, json } = await built(t);
  const { stdout } = await run('cache', 'ls');
  t.regex(stdout, /^KEY +STAGE +SIZE +CREATED +USED +TOOK +PIN +INSTRUCTION\n/);
  const [row] = await json('cache', 'ls', '--filter', 'text=main');
  const shown = JSON.parse((await run('cache', 'show', String(row?.['key']))).stdout) as {
    keys: { by: string; recipe: [string, string][] }[];
  };
  t.deepEqual(shown.keys.map(({ by }) => by).toSorted(), ['content', 'definition']);
  const recipe = shown.keys.find(({ by }) => by === 'definition')?.recipe ?? [];
  t.regex(recipe.find(([label]) => label === 'files of main')?.[1] ?? '', /^main\0sha256:[0-9a-f]{64}$/);
  const byStage = await json('cache', 'du', '--by', 'stage');
  t.deepEqual(byStage.map(({ name, count }) => `${String(name)} ${String(count)}`).toSorted(), [
    'app 3',
    'tool 1',
  ]);
  t.regex(
    (await run('cache', 'du', '--by', 'type')).stdout,
    /^TYPE +COUNT +SIZE +TOOK\n(?:.*\n)*WORKDIR +1 +/,
  );
  await t.throwsAsync(run('cache', 'du', '--by', 'color'), { instanceOf: TsbuildError });
});

test('cache prune deletes what filters choose, never what is pinned', async (t) => {
  const { run, json } = await built(t);
  const [row] = await json('cache', 'ls', '--filter', 'text=main');
  await run('cache', 'pin', String(row?.['key']));
  t.regex((await run('cache', 'prune', '--dry-run', '--filter', 'type=COPY')).stdout, /^would delete /);
  t.is((await json('cache', 'ls')).length, 4);
  await run('cache', 'prune', '--filter', 'stage=tool');
  t.false(instructionsOf(await json('cache', 'ls')).includes('COPY lib /lib'));
  await run('cache', 'prune', '--max-used-space', '1k');
  t.deepEqual(instructionsOf(await json('cache', 'ls')), ['COPY main /bin/']);
  await run('cache', 'unpin', String(row?.['key']));
  await run('cache', 'prune', '--all');
  t.deepEqual(await json('cache', 'ls'), []);
  t.regex((await run('images')).stdout, /^app:latest/m, 'images stay');
});

test('inspect --layers and history: instruction, size, digest, verdict, time and key of each layer', async (t) => {
  const { context, run, json } = await built(t);
  const keys = async () => (await json('inspect', '--layers', 'app')).map((row) => [row['cache'], row['by']]);
  t.deepEqual(await keys(), [
    ['built', 'content'],
    ['built', 'content'],
    ['built', 'content'],
  ]);
  writeFileSync(join(context, 'lib/a'), 'changed');
  await run('build', '--quiet', '-t', 'app', '@');
  t.deepEqual(await keys(), [
    ['cached', 'definition'],
    ['built', 'content'],
    ['cached', 'content'],
  ]);
  const layers = await json('inspect', '--layers', 'app');
  const steps = (await json('history', 'app')).filter((row) => row['empty_layer'] !== true).toReversed();
  for (const member of ['digest', 'size', 'cache', 'key', 'by', 'made', 'created_by'])
    t.deepEqual(
      steps.map((row) => row[member]),
      layers.map((row) => row[member]),
      member,
    );
  t.deepEqual(
    steps.map((row) => String(row['created_by']).replace(' # buildkit', '')),
    ['COPY main /bin/', 'COPY /lib/a /etc/', 'WORKDIR /work'],
  );
  const { stdout } = await run('history', 'app');
  t.regex(stdout, /^CREATED +SIZE +LAYER +CACHE +MADE +KEY +CREATED BY\n/);
  t.regex(stdout, /^.* +cached +.* +[0-9a-f]{12} by definition +COPY main \/bin\//m);
});

test('plan and build --dry-run tell every step before anything is done', async (t) => {
  const { context, run, json } = await built(t);
  const verdicts = async () => (await json('plan', '@')).map((row) => row['verdict']);
  t.deepEqual(await verdicts(), ['hit', 'hit', 'hit', 'hit']);
  writeFileSync(join(context, 'main'), 'changed');
  const plan = await json('plan', '@');
  t.deepEqual(plan.map((row) => `${String(row['verdict'])} ${String(row['instruction'])}`).toSorted(), [
    'hit COPY --from=tool /lib/a /etc/',
    'hit COPY lib /lib',
    'hit WORKDIR /work',
    'miss COPY main /bin/',
  ]);
  t.true(plan.every((row) => typeof row['expectedSeconds'] === 'number'));
  const table = (await run('plan', '@')).stdout;
  t.is((await run('build', '--dry-run', '@')).stdout, table);
  t.regex(table, /^CACHE +EXPECTED +STEP +WHY\n/);
  t.regex(table, /^miss +[\d.]+s +\[app 2\/4\] COPY main \/bin\/ +the content of "main" changed$/m);
  t.deepEqual(
    await verdicts(),
    plan.map((row) => row['verdict']),
    'nothing was built',
  );
});

test('plan with --refresh: a stage or one step does not ask the cache', async (t) => {
  const { run, json } = await built(t);
  const asked = async (...flags: string[]) =>
    instructionsOf(
      (await json('plan', ...flags, '@')).filter(({ why }) => why === 'the cache was not asked'),
    ).map(String);
  t.deepEqual((await asked('--refresh', 'app:4')).toSorted(), ['COPY main /bin/']);
  t.deepEqual((await asked('--refresh', 'tool')).toSorted(), ['COPY lib /lib']);
  t.is((await asked('--no-cache')).length, 4);
  t.deepEqual(await asked('--cache-ttl', '1s'), [], 'copies have no lifetime');
  await t.throwsAsync(run('plan', '--refresh', 'tol', '@'), { message: /there is no stage "tol"/ });
  await t.throwsAsync(run('plan', '--refresh', 'app:99', '@'), { message: /stands on line 99/ });
  await t.throwsAsync(run('plan', '--cache-ttl', 'soon', '@'), { instanceOf: TsbuildError });
});

test('explain names the input, for all steps or one, in words and as JSON', async (t) => {
  const { context, run, json } = await built(t);
  t.is((await run('explain', '@')).stdout, 'every step is in the cache\n');
  writeFileSync(join(context, 'main'), 'changed');
  writeFileSync(join(context, 'lib/b'), '');
  const { stdout } = await run('explain', '@');
  t.regex(stdout, /\[app 2\/4\] COPY main \/bin\/\n {2}miss: the content of "main" changed\n/);
  t.regex(stdout, /\[tool 2\/2\] COPY lib \/lib\n {2}miss: the file "lib\/b" is new\n/);
  for (const step of ['4', 'app:4', 'main /bin']) {
    const rows = await json('explain', '@', step);
    t.deepEqual(
      rows.map((row) => row['explanation']),
      [
        {
          kind: 'changed',
          causes: [
            { kind: 'files', name: 'main', change: 'changed', files: [{ path: 'main', change: 'content' }] },
          ],
        },
      ],
      step,
    );
  }
  t.is((await json('explain', '@', 'tool')).length, 2, 'a stage, and what names it');
  await t.throwsAsync(run('explain', '@', 'nothing like it'), { message: /no step is/ });
});

(hasCommandLine ? test : test.skip)('explain STEP alone is about the current folder', async (t) => {
  const workspace = makeWorkspace('explain');
  t.teardown(() => workspace.remove());
  workspace.write({ Dockerfile: dockerfile, main: 'main', 'lib/a': 'a', app: 'a file named like a stage' });
  const explain = async (...args: string[]) => (await workspace.tsbuild(['explain', ...args])).stdout;
  t.regex(await explain(), /COPY main/);
  t.regex(await explain('app:4'), /^\[app 2\/4\] COPY main \/bin\/\n/);
  t.is(await explain('.', 'app:4'), await explain('app:4'));
  t.regex((await workspace.tsbuild(['explain', 'app'])).stderr, /the build context "app" is neither/);
});

test.serial('equal size and mtime do not fool what is remembered of files', async (t) => {
  const { context, run, json } = await built(t);
  const main = join(context, 'main');
  const later = async <T>(minutes: number, work: () => Promise<T>): Promise<T> => {
    const { now } = Date;
    const time = now() + minutes * 60_000;
    Date.now = () => time;
    try {
      return await work();
    } finally {
      Date.now = now;
    }
  };
  utimesSync(main, 1_000_000_000, 1_000_000_000);
  // Long after the files were written their digests are remembered.
  await later(1, () => run('build', '--quiet', '-t', 'app', '@'));
  t.deepEqual((await later(2, () => json('explain', '@'))).length, 0);
  writeFileSync(main, 'niam');
  utimesSync(main, 1_000_000_000, 1_000_000_000);
  const [row] = await later(3, () => json('explain', '@'));
  t.is(row?.['why'], 'the content of "main" changed');
  writeFileSync(join(context, 'new'), 'main');
  utimesSync(join(context, 'new'), 1_000_000_000, 1_000_000_000);
  renameSync(join(context, 'new'), main);
  t.deepEqual(await later(4, () => json('explain', '@')), [], 'another inode with the old content');
});
