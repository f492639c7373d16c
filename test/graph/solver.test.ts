import test from 'ava';
import { digestOf, type DiffID } from '../../src/oci/digest.js';
import { TsbuildError } from '../../src/util/errors.js';
import { FakeBuild } from '../helpers/fake-build.js';

/** A tar without entries: two blocks of zeros. */
const emptyTar = digestOf(new Uint8Array(1024));

test('a rebuild with nothing changed runs nothing and says so for each step', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  const text = 'FROM scratch\nCOPY a /\nRUN write f 1\nWORKDIR /w\nRUN write g 2';
  const first = await build.build(text);
  t.deepEqual(first.ran, ['write f 1', 'write g 2']);
  const second = await build.build(text);
  t.deepEqual(second.ran, []);
  t.deepEqual(second.cached, [
    '[2/5] COPY a /',
    '[3/5] RUN write f 1',
    '[4/5] WORKDIR /w',
    '[5/5] RUN write g 2',
  ]);
  t.deepEqual(
    [...second.files],
    [
      ['a', '1'],
      ['f', '1'],
      ['g', '2'],
    ],
  );
});

test('a change reruns what depends on it and nothing else', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  const text = 'FROM scratch\nRUN write before 1\nCOPY a /\nRUN write after 1';
  await build.build(text);
  await build.put('a', '2');
  const { ran, files } = await build.build(text);
  t.deepEqual(ran, ['write after 1']);
  t.is(files.get('a'), '2');
});

test('steps without a record are expected before any runs, in the order in which they will', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const lines = ['FROM scratch', 'RUN write a 1', 'RUN write b 1', 'RUN write c 1'];
  await build.build(lines.slice(0, 2).join('\n'));
  const expected: string[] = [];
  const { ran } = await build.build(lines.join('\n'), { expected });
  t.deepEqual(expected, ['write b 1', 'write c 1']);
  t.deepEqual(ran, expected);
  expected.length = 0;
  await build.build(lines.join('\n'), { expected });
  t.deepEqual(expected, []);
});

test('a file that is not copied does not matter', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  await build.put('b', '1');
  const text = 'FROM scratch\nCOPY a /\nRUN write f 1';
  await build.build(text);
  await build.put('b', '2');
  t.deepEqual((await build.build(text)).ran, []);
});

test('a changed step with the same result does not rerun what follows', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.build('FROM scratch\nRUN write f 1\nRUN write g 1');
  const { ran, files } = await build.build('FROM scratch\nRUN put f 1\nRUN write g 1');
  t.deepEqual(ran, ['put f 1']);
  t.is(files.get('g'), '1');
});

test('COPY --from hits again when the rebuilt stage gives the same content', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const text = (extra: string) =>
    `FROM scratch AS a\n${extra}RUN write f 1\nFROM scratch\nCOPY --from=a /f /\nRUN write g 1`;
  await build.build(text(''));
  const { ran, cached } = await build.build(text('ENV X=1\n'));
  t.deepEqual(ran, ['write f 1']);
  t.deepEqual(cached, ['[stage-1 2/3] COPY --from=a /f /', '[stage-1 3/3] RUN write g 1']);
});

test('a refreshed step with another result is not followed by a stale one', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const text = 'FROM scratch AS a\nRUN count f\nFROM a AS b\nRUN write g 1';
  await build.build(text);
  const { ran } = await build.build(text, { ignoreCache: (stage) => stage === 'a' });
  t.deepEqual(ran, ['count f', 'write g 1']);
});

test('a refreshed step with the same result leaves what follows cached', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const text = 'FROM scratch AS a\nRUN write f same\nFROM a AS b\nRUN write g 1';
  await build.build(text);
  const { ran, cached } = await build.build(text, { ignoreCache: (stage) => stage === 'a' });
  t.deepEqual(ran, ['write f same']);
  t.deepEqual(cached, ['[b 2/2] RUN write g 1']);
});

test('stages that the target does not need are not run', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const { ran } = await build.build('FROM scratch AS a\nRUN fail 1\nFROM scratch\nRUN write f 1');
  t.deepEqual(ran, ['write f 1']);
});

test('equal steps of two stages run once', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const { ran } = await build.build(
    'FROM scratch AS a\nRUN write f 1\nFROM scratch AS b\nRUN write f 1\nFROM scratch\nCOPY --from=a /f /1\nCOPY --from=b /f /2',
  );
  t.deepEqual(ran, ['write f 1']);
});

test('independent stages run at the same time', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const { ran } = await build.build(
    'FROM scratch AS a\nRUN meet 2\nFROM scratch AS b\nENV B=1\nRUN meet 2\nFROM scratch\nCOPY --from=a / /1/\nCOPY --from=b / /2/',
  );
  t.is(ran.length, 2);
});

test('a failing command names its line and exit code', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const error = await t.throwsAsync(build.build('FROM scratch\nENV A=1\nRUN fail 3'), {
    instanceOf: TsbuildError,
  });
  t.is(error?.code, 'run');
  t.is(error?.range?.startLine, 3);
  t.regex(error?.message ?? '', /exit code: 3/);
});

test('a missing source names its line, and what is there', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('server.js', '');
  const error = await t.throwsAsync(build.build('FROM scratch\nCOPY sever.js /'), {
    instanceOf: TsbuildError,
  });
  t.is(error?.range?.startLine, 2);
  t.regex(`${error?.message} ${error?.hint}`, /sever\.js.*server\.js/);
});

test('--link copies onto nothing and is laid on top', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  const { files } = await build.build('FROM scratch\nRUN write b 1\nCOPY --link a /d/');
  t.deepEqual(
    [...files],
    [
      ['b', '1'],
      ['d/a', '1'],
    ],
  );
});

test('heredocs are files', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const { files } = await build.build('FROM scratch\nENV X=1\nCOPY <<a <<"b" /d/\nx=$X\na\ny=$X\nb');
  t.deepEqual(
    [...files],
    [
      ['d/a', 'x=1\n'],
      ['d/b', 'y=$X\n'],
    ],
  );
});

test('a step that changes nothing is a layer that can be packed, in this process and in the next', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  const text = 'FROM scratch\nRUN write f 1\nRUN nothing';
  const first = await build.build(text);
  const second = await build.build(text);
  for (const { layers } of [first, second]) t.is(await layers.at(-1)?.diffId(), emptyTar as DiffID);
});
