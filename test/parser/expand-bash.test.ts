import test from 'ava';
import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { expandWord } from '../../src/parser/expand.js';
import { missingOf } from '../helpers/programs.js';

const it = missingOf(['bash']).length === 0 ? test : test.skip;

interface Case {
  readonly value: string;
  readonly operator: string;
  readonly pattern: string;
}

const letters = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...Array.from(alphabet)), { maxLength }).map((characters) => characters.join(''));

const cases: fc.Arbitrary<Case> = fc.record({
  value: letters('ab.', 8),
  operator: fc.constantFrom('#', '##', '%', '%%', '/', '//'),
  pattern: letters('ab.*?', 5),
});

/** bash takes a pattern that begins with # or % in ${x/…} as anchored and an empty one as no pattern: not drawn here. */
function wordOf({ operator, pattern }: Case): string {
  return operator.startsWith('/') ? `\${v${operator}a${pattern}/R}` : `\${v${operator}${pattern}}`;
}

it('patterns agree with bash', (t) => {
  const drawn = fc.sample(cases, { numRuns: 3000, seed: 7 });
  const script = drawn.map((each) => `v='${each.value}'; printf '%s\\n' "${wordOf(each)}"`).join('\n');
  const { stdout, status } = spawnSync('bash', { input: script, encoding: 'utf8', maxBuffer: 1 << 24 });
  t.is(status, 0);
  const wanted = stdout.split('\n');
  for (const [index, each] of drawn.entries()) {
    t.is(
      expandWord(wordOf(each), { get: () => each.value }, '\\'),
      wanted[index] ?? '',
      JSON.stringify(each),
    );
  }
});

const words: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      '$v',
      '${v}',
      '${u:-d}',
      '${u-d}',
      '${e:-d}',
      '${e-d}',
      '${v:+p}',
      '${e+p}',
      'x',
      '\\$',
      '"',
      ' ',
      '"$v"',
      "'$v'",
      '${u:-"$v"}',
    ),
    { maxLength: 6 },
  )
  .map((pieces) => pieces.join(''));

it('quotes and defaults agree with bash', (t) => {
  const drawn = fc
    .sample(words, { numRuns: 1000, seed: 11 })
    .filter((word) => word.split('"').length % 2 === 1);
  const lines = drawn.map((word) => `x=${word.replaceAll(' ', '\\ ')}; printf '%s\\n' "$x"`);
  const { stdout, status } = spawnSync('bash', {
    input: `v=val; e=; unset u\n${lines.join('\n')}`,
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  t.is(status, 0);
  const values = new Map([
    ['v', 'val'],
    ['e', ''],
  ]);
  const wanted = stdout.split('\n');
  for (const [index, word] of drawn.entries()) {
    const ours = expandWord(word.replaceAll(' ', '\\ '), { get: (name) => values.get(name) }, '\\');
    t.is(ours, wanted[index] ?? '', JSON.stringify(word));
  }
});
