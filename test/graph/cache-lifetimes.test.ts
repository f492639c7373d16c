import test from 'ava';
import { FakeBuild, type FakeOptions } from '../helpers/fake-build.js';

const hour = 3_600_000;
const text = 'FROM scratch AS a\nRUN write f 1\nFROM a AS b\nRUN write g 1';

async function twice(t: import('ava').ExecutionContext, dockerfile: string, second: FakeOptions) {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.build(dockerfile, { now: () => 0 });
  return build.build(dockerfile, { now: () => 2 * hour, ...second });
}

test('a result counts for ever without a lifetime', async (t) => {
  t.deepEqual((await twice(t, text, {})).ran, []);
});

test('results that are too old are made again, and what follows an equal result is not', async (t) => {
  const { ran, missed } = await twice(t, text.replace('write g', 'count g'), { ttl: hour });
  t.deepEqual(ran, ['write f 1', 'count g 1']);
  t.is([...missed.values()][0], 'the earlier result is 2h old, older than 1h');
});

test('results that are young enough count', async (t) => {
  t.deepEqual((await twice(t, text, { ttl: 3 * hour })).ran, []);
});

test('a lifetime above an instruction is for that one', async (t) => {
  const { ran } = await twice(t, text.replace('RUN write f', '# tsbuild:ttl=1h\nRUN write f'), {});
  t.deepEqual(ran, ['write f 1']);
});

test('a lifetime above an instruction wins', async (t) => {
  const { ran } = await twice(t, text.replace('RUN write f', '# tsbuild:ttl=7d\nRUN write f'), { ttl: hour });
  t.deepEqual(ran, ['write g 1']);
});

test('an expired step with another result is not followed by a stale one', async (t) => {
  const { ran } = await twice(t, text.replace('RUN write f', '# tsbuild:ttl=1h\nRUN count f'), {});
  t.deepEqual(ran, ['count f 1', 'write g 1']);
});

test('COPY has no lifetime: its result is its input', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  const copy = 'FROM scratch\nCOPY a /\nRUN write f 1';
  await build.build(copy, { now: () => 0 });
  const { cached } = await build.build(copy, { now: () => 2 * hour, ttl: hour });
  t.deepEqual(cached, ['[2/3] COPY a /']);
});

test('a lifetime that is none names its line', async (t) => {
  const error = await t.throwsAsync(twice(t, 'FROM scratch\n# tsbuild:ttl=soon\nRUN write f 1', {}));
  t.regex(error?.message ?? '', /tsbuild:ttl takes a duration, not "soon"/);
});

test('one step is refreshed by its line', async (t) => {
  const { ran } = await twice(t, text, {
    ignoreCache: (stage, { startLine }) => stage === 'b' && startLine === 4,
  });
  t.deepEqual(ran, ['write g 1']);
});

test('what was refreshed alone is not followed by a stale step in a later build', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const dockerfile = text.replace('write f', 'count f');
  await build.build(dockerfile);
  await build.build(dockerfile, { target: 'a', ignoreCache: () => true });
  const { ran, files } = await build.build(dockerfile);
  t.deepEqual(ran, ['write g 1']);
  t.is(files.get('f'), '1');
  t.deepEqual((await build.build(dockerfile)).ran, []);
});

test('a result that came back is found by its content', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  const dockerfile = 'FROM scratch AS a\nCOPY a /\nRUN write f 1\nFROM a\nRUN write g 1';
  await build.build(dockerfile);
  await build.put('a', '2');
  await build.build(dockerfile);
  await build.put('a', '1');
  const { ran } = await build.build(dockerfile);
  t.deepEqual(ran, []);
});
