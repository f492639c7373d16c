import test from 'ava';
import fc from 'fast-check';
import { toByteString } from '../../src/util/bytes.js';
import { TsbuildError } from '../../src/util/errors.js';
import { goPathMatch, hasWildcard } from '../../src/util/go-path-match.js';

const match = test.macro({
  exec(t, pattern: string, name: string, expected: boolean) {
    t.is(goPathMatch(toByteString(pattern), toByteString(name)), expected);
  },
  title: (_, pattern: string, name: string, expected: boolean) =>
    `${JSON.stringify(pattern)} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(name)}`,
});

test(match, '', '', true);
test(match, '', 'a', false);
test(match, 'abc', 'abc', true);
test(match, '*', 'abc', true);
test(match, '*', '', true);
test(match, '*', 'a/b', false);
test(match, '*c', 'abc', true);
test(match, 'a*', 'a', true);
test(match, 'a*', 'ab/c', false);
test(match, 'a*/b', 'abc/b', true);
test(match, 'a*/b', 'a/c/b', false);
test(match, 'a*b*c*d*e*/f', 'axbxcxdxe/f', true);
test(match, 'a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false);
test(match, 'a*b?c*x', 'abxbbxdbxebxczzx', true);
test(match, 'a*b?c*x', 'abxbbxdbxebxczzy', false);
test(match, 'ab[c]', 'abc', true);
test(match, 'ab[b-d]', 'abc', true);
test(match, 'ab[e-g]', 'abc', false);
test(match, 'ab[^c]', 'abc', false);
test(match, 'ab[^e-g]', 'abc', true);
test(match, 'a\\*b', 'a*b', true);
test(match, 'a\\*b', 'ab', false);
test(match, 'a?b', 'aäb', true);
test(match, 'a[^a]b', 'aäb', true);
test(match, 'a???b', 'aäb', false);
test(match, '[a-ζ]*', 'α', true);
test(match, '*[a-ζ]', 'A', false);
test(match, 'a?b', 'a/b', false);
test(match, 'a*b', 'a/b', false);
test(match, 'a[^x]b', 'a/b', true);
test(match, '[\\]a]', ']', true);
test(match, '[\\-]', '-', true);
test(match, '[x\\-]', '-', true);
test(match, '[\\-x]', 'x', true);
test(match, '[\\-x]', 'a', false);
test(match, '*x', 'xxx', true);
test(match, 'arr[[]0].txt', 'arr[0].txt', true);
test(match, 'a]', 'a]', true);

const malformed = test.macro({
  exec(t, pattern: string) {
    t.is(t.throws(() => goPathMatch(pattern, 'x'), { instanceOf: TsbuildError })?.code, 'copy');
  },
  title: (_, pattern: string) => `${JSON.stringify(pattern)} is malformed`,
});

for (const pattern of [
  '[',
  '[a',
  '[]',
  '[]a]',
  '[-]',
  '[x-]',
  '[-x]',
  '[a-b-c]',
  '[^',
  '[^]',
  '[^bc',
  'a[',
  'a\\',
  '[a\\',
  '[\\',
]) {
  test(malformed, pattern);
}

test('a byte that is not UTF-8 is one character', (t) => {
  t.true(goPathMatch('?', '\xff'));
  t.false(goPathMatch('?', '\xff\xff'));
  t.true(goPathMatch('??', '\xc3\xff'));
  t.false(goPathMatch('\xc3', '\xc4'));
});

test('wildcards are * ? and [ that are not escaped', (t) => {
  for (const pattern of ['*', 'a?', '[x]', '\\\\*', 'a\\[b*']) t.true(hasWildcard(pattern), pattern);
  for (const pattern of ['', 'a', 'a\\*', '\\[', 'a\\', ']', '\\\\']) t.false(hasWildcard(pattern), pattern);
});

test('agrees with a regular expression', (t) => {
  const pieces = fc.constantFrom('a', 'b', '/', '*', '?', '[ab]', '[^a]');
  const name = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), name, (parts, text) => {
      const source = parts.join('').replace(/\*/g, '[^/]*').replace(/\?/g, '[^/]');
      return goPathMatch(parts.join(''), text) === new RegExp(`^${source}$`).test(text);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('many stars take linear time', (t) => {
  t.false(goPathMatch(`${'*a'.repeat(200)}b`, 'a'.repeat(4000)));
});
