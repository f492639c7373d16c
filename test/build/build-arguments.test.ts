import test from 'ava';
import { unusedBuildArguments } from '../../src/build/build-arguments.js';
import { parsed } from '../helpers/parsed.js';

const warns = test.macro<[text: string, name: string, ...expected: string[]]>({
  exec(t, text, name, ...expected) {
    const unused = unusedBuildArguments(parsed(text), new Map([[name, '1']]));
    t.deepEqual(
      unused.map((one) => one.name),
      expected,
    );
  },
  title: (rule = '', text, name) => `--build-arg ${name}, ${rule}: ${JSON.stringify(text)}`,
});

test('declared by none', warns, 'FROM a', 'V', 'V');
test('names have a case', warns, 'FROM a\nARG v', 'V', 'V');
test('read but not declared', warns, 'FROM a\nENV A=$V', 'V', 'V');
test('declared before FROM', warns, 'ARG V\nFROM a', 'V');
test('declared by a stage', warns, 'FROM a\nFROM b\nARG A V=1', 'V');
test('declared by a trigger', warns, 'FROM a\nONBUILD ARG V', 'V');
for (const name of [
  'http_proxy',
  'NO_PROXY',
  'BUILDKIT_SYNTAX',
  'SOURCE_DATE_EPOCH',
  'TARGETARCH',
  'BUILDOSVERSION',
  'TARGETSTAGE',
]) {
  test('it means something without an ARG', warns, 'FROM a', name);
}

test('a mistyped name has the nearest declared one as a hint', (t) => {
  const dockerfile = parsed('ARG VERSION\nFROM a\nARG COMMIT');
  const given = new Map([
    ['VERISON', '1'],
    ['comit', '1'],
    ['OTHER', '1'],
  ]);
  t.deepEqual(
    unusedBuildArguments(dockerfile, given).map(({ hint }) => hint),
    ['did you mean VERSION?', 'did you mean COMMIT?', undefined],
  );
});
