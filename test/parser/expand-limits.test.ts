import test from 'ava';
import fc from 'fast-check';
import { expandHeredoc, expandWord, expandWords, type Scope } from '../../src/parser/expand.js';
import { maxNesting, maxValueLength } from '../../src/parser/scope.js';
import { TsbuildError } from '../../src/util/errors.js';

const big = 'a'.repeat(maxValueLength);
const scope: Scope = { get: (name) => (name === 'BIG' ? big : name === 'A' ? 'a*/' : undefined) };

test('a value may grow to the limit and not beyond', (t) => {
  t.is(expandWord('$BIG', scope, '\\').length, maxValueLength);
  t.throws(() => expandWord('$BIG$A', scope, '\\'), { message: /grows beyond/ });
  t.throws(() => expandWord('"$BIG$A"', scope, '\\'), { message: /grows beyond/ });
  t.throws(() => expandWord('${BIG//a/bb}', scope, '\\'), { message: /grows beyond/ });
});

test('doubling a value forty times ends in an error', (t) => {
  let value = 'x';
  const double = (): void => {
    for (let round = 0; round < 40; round++) value = expandWord('$V$V', { get: () => value }, '\\');
  };
  t.throws(double, { message: /grows beyond/ });
});

const nested = (depth: number): string => '${N:-'.repeat(depth) + 'x' + '}'.repeat(depth);

test('nesting is bounded', (t) => {
  t.is(expandWord(nested(maxNesting), scope, '\\'), 'x');
  t.throws(() => expandWord(nested(maxNesting + 1), scope, '\\'), { message: /nested more than/ });
  t.throws(() => expandWord(nested(10_000), scope, '\\'), { message: /nested more than/ });
});

test('one after another is not nesting', (t) => {
  t.is(expandWord('${N:-x}'.repeat(1000), scope, '\\'), 'x'.repeat(1000));
});

test('hostile patterns are cut off', (t) => {
  const stars = `\${BIG#${'*a'.repeat(200)}b}`;
  t.is(expandWord(stars, scope, '\\'), big);
  const questions = `\${BIG/${'?'.repeat(2000)}b/x}`;
  t.throws(() => expandWord(questions, scope, '\\'), { message: /too long to expand/ });
});

const alphabet = fc.constantFrom(...Array.from('$${}{}:-+?#%/\\\'"`AB*? a한😀\n'));
const hostile = fc.array(alphabet, { maxLength: 40 }).map((characters) => characters.join(''));

const expansions = [
  (word: string) => expandWord(word, scope, '\\'),
  (word: string) => expandWord(word, scope, '`'),
  (word: string) => expandWords(word, scope, '\\').join(''),
  (word: string) => expandHeredoc(word, scope),
];

test('any text gives a bounded value or a TsbuildError', (t) => {
  fc.assert(
    fc.property(hostile, fc.constantFrom(...expansions), (word, expand) => {
      try {
        return expand(word).length <= maxValueLength;
      } catch (error) {
        return error instanceof TsbuildError && error.code === 'dockerfile';
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('single quotes protect any text without them', (t) => {
  fc.assert(
    fc.property(hostile, (text) => {
      const bare = text.replaceAll("'", '');
      return expandWord(`'${bare}'`, scope, '\\') === bare;
    }),
  );
  t.pass();
});

test('a variable gives its value whatever that holds', (t) => {
  fc.assert(
    fc.property(hostile, (value) => expandWord('x${V}y', { get: () => value }, '\\') === `x${value}y`),
  );
  t.pass();
});
