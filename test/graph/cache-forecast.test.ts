import test from 'ava';
import { forecast, type StepForecast } from '../../src/graph/forecast.js';
import { FakeBuild, type FakeOptions } from '../helpers/fake-build.js';

const text = `FROM base AS a
COPY f /
RUN write x 1
COPY f /again
RUN write y 1
FROM scratch
COPY --from=a /x /`;

async function told(build: FakeBuild, dockerfile: string, options: FakeOptions = {}) {
  const ran: string[] = [];
  const { lowered, solving } = await build.prepare(dockerfile, options, { ran, events: [] });
  const steps = await forecast([lowered.vertex], solving);
  return { steps, ran, verdicts: steps.map(({ verdict }) => verdict) };
}

async function opened(t: import('ava').ExecutionContext): Promise<FakeBuild> {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('f', '1');
  return build;
}

const instructions = (steps: readonly StepForecast[]) => steps.map(({ instruction }) => instruction);

test('before the first build every step misses, and nothing is run', async (t) => {
  const build = await opened(t);
  const { steps, ran, verdicts } = await told(build, text);
  t.deepEqual(verdicts, ['base', 'miss', 'miss', 'miss', 'miss', 'miss']);
  t.deepEqual(
    instructions(steps).slice(1),
    text.split('\n').filter((line) => !line.startsWith('FROM')),
  );
  t.deepEqual(ran, []);
});

test('after a build every step hits, and says what it saves', async (t) => {
  const build = await opened(t);
  await build.build(text);
  const { steps, verdicts } = await told(build, text);
  t.deepEqual(verdicts, ['base', 'hit', 'hit', 'hit', 'hit', 'hit']);
  t.true(steps.every(({ verdict, duration }) => verdict === 'base' || duration !== undefined));
});

test('what only a command can tell depends on it', async (t) => {
  const build = await opened(t);
  await build.build(text);
  await build.put('f', '2');
  const { steps, verdicts } = await told(build, text);
  t.deepEqual(verdicts, ['base', 'miss', 'miss', 'miss', 'depends', 'depends']);
  t.deepEqual(steps.at(-1)?.dependsOn, ['[a 3/5] RUN write x 1', '[a 5/5] RUN write y 1'].slice(0, 1));
});

test('a copy with the same result as before does not leave what follows open', async (t) => {
  const build = await opened(t);
  const { layers } = await build.build(text);
  for (const layer of layers) await layer.blob('none');
  const { verdicts } = await told(build, text.replace('COPY f /\n', 'COPY --chmod=644 f /\n'));
  t.false(verdicts.includes('miss'));
  t.false(verdicts.includes('depends'));
});

test('a step that is asked for again is told, and what follows depends on it', async (t) => {
  const build = await opened(t);
  await build.build(text);
  const { steps, verdicts } = await told(build, text, { ignoreCache: (_, { startLine }) => startLine === 3 });
  t.deepEqual(verdicts, ['base', 'hit', 'miss', 'depends', 'depends', 'depends']);
  t.deepEqual(steps[2]?.explanation, { kind: 'asked' });
});

test('a step that differs in itself misses whatever comes before it', async (t) => {
  const build = await opened(t);
  await build.build(text);
  const changed = text.replace('write x 1', 'write x 2').replace('write y 1', 'write y 2');
  const { steps, verdicts } = await told(build, changed);
  t.deepEqual(verdicts, ['base', 'hit', 'miss', 'depends', 'miss', 'depends']);
  t.deepEqual(steps[4]?.explanation, { kind: 'instruction', before: 'RUN write y 1', now: 'RUN write y 2' });
});

test('the forecast of a build is what the build does', async (t) => {
  const build = await opened(t);
  await build.build(text);
  const changed = text.replace('FROM base AS a', 'FROM base AS a\nENV A=1');
  const { steps } = await told(build, changed);
  const { missed } = await build.build(changed);
  const surely = steps.filter(({ verdict }) => verdict === 'miss').map(({ name }) => name);
  t.true(surely.length > 0);
  for (const name of surely) t.true(missed.has(name), name);
});
