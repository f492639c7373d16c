import test from 'ava';
import fc from 'fast-check';
import { createIgnoreMatcher, parseIgnoreFile } from '../../src/parser/ignore.js';
import { TsbuildError } from '../../src/util/errors.js';
import { toByteString } from '../../src/util/bytes.js';

const excludes = test.macro({
  exec(t, patterns: readonly string[], path: string) {
    t.true(parseIgnoreFile(patterns.join('\n')).match(toByteString(path)).excluded);
  },
  title: (rule = '', patterns: readonly string[], path: string) =>
    `${rule}: ${JSON.stringify(patterns)} excludes ${path}`,
});

const keeps = test.macro({
  exec(t, patterns: readonly string[], path: string) {
    t.false(parseIgnoreFile(patterns.join('\n')).match(toByteString(path)).excluded);
  },
  title: (rule = '', patterns: readonly string[], path: string) =>
    `${rule}: ${JSON.stringify(patterns)} keeps ${path}`,
});

const anchored = 'patterns are anchored at the root';
test(anchored, excludes, ['foo'], 'foo');
test(anchored, keeps, ['foo'], 'a/foo');
test(anchored, keeps, ['foo'], 'foobar');
test(anchored, excludes, ['/foo'], 'foo');
test(anchored, excludes, ['./foo/'], 'foo');
test(anchored, excludes, ['a//b/../c'], 'a/c');
test(anchored, keeps, ['../foo'], 'foo');
test(anchored, keeps, ['.'], 'foo');
test(anchored, keeps, ['/'], 'foo');
test(anchored, keeps, ['..'], 'foo');

const parents = 'a parent that matches takes everything below with it';
test(parents, excludes, ['foo'], 'foo/bar');
test(parents, excludes, ['foo'], 'foo/a/b/c');
test(parents, excludes, ['*/temp'], 'a/temp/x/y');
test(parents, excludes, ['*'], 'a/b/c');
test(parents, excludes, ['a?c'], 'abc/d');

const stars = 'a star stops at a slash';
test(stars, excludes, ['*.md'], 'README.md');
test(stars, keeps, ['*.md'], 'docs/README.md');
test(stars, excludes, ['*/*.md'], 'docs/README.md');
test(stars, keeps, ['*/*.md'], 'docs/a/README.md');
test(stars, excludes, ['a*c'], 'ac');
test(stars, excludes, ['a*c'], 'abbbc');
test(stars, keeps, ['a*c'], 'ab/c');
test(stars, excludes, ['temp?'], 'tempa');
test(stars, keeps, ['temp?'], 'temp');
test(stars, keeps, ['a?b'], 'a/b');
test(stars, excludes, ['a?b'], 'aäb');

const doubleStars = 'two stars match any number of folders';
test(doubleStars, excludes, ['**'], 'a');
test(doubleStars, excludes, ['**'], 'a/b');
test(doubleStars, excludes, ['**/x'], 'x');
test(doubleStars, excludes, ['**/x'], 'a/b/x');
test(doubleStars, keeps, ['**/x'], 'a/bx');
test(doubleStars, excludes, ['**/*.go'], 'a.go');
test(doubleStars, excludes, ['**/*.go'], 'a/b/c.go');
test(doubleStars, excludes, ['a/**/b'], 'a/b');
test(doubleStars, excludes, ['a/**/b'], 'a/x/y/b');
test(doubleStars, keeps, ['a/**/b'], 'ab');
test(doubleStars, excludes, ['a/**'], 'a/b');
test(doubleStars, excludes, ['a/**'], 'a/b/c');
test(doubleStars, keeps, ['a/**'], 'a');
test(doubleStars, excludes, ['**.log'], 'a/b.log');
test(doubleStars, excludes, ['**.log'], 'b.log');
test(doubleStars, excludes, ['foo**bar'], 'foobar');
test(doubleStars, excludes, ['foo**bar'], 'foo/x/bar');
test(doubleStars, excludes, ['foo**bar'], 'foox/bar');
test(doubleStars, keeps, ['foo**bar'], 'fooxbar');
test(doubleStars, excludes, ['**/a/**/b'], 'x/a/y/b');
test(doubleStars, excludes, ['**/a/**/b'], 'a/b');
test(doubleStars, keeps, ['**/a/**/b'], 'xa/b');
test(doubleStars, excludes, ['a***b'], 'ab');
test(doubleStars, excludes, ['**/**/x'], 'p/q/x');

const classes = 'classes and escapes';
test(classes, excludes, ['[a-c].txt'], 'b.txt');
test(classes, keeps, ['[a-c].txt'], 'd.txt');
test(classes, excludes, ['[^a-c].txt'], 'd.txt');
test(classes, keeps, ['[^a-c].txt'], 'a.txt');
test(classes, excludes, ['[ä-ö]x'], 'öx');
test(classes, excludes, ['a\\*b'], 'a*b');
test(classes, keeps, ['a\\*b'], 'axb');
test(classes, excludes, ['\\!x'], '!x');
test(classes, excludes, ['\\#x'], '#x');
test(classes, excludes, ['a{b,c}'], 'a{b,c}');
test(classes, keeps, ['a{b,c}'], 'ab');
test(classes, excludes, ['a.b+(c)|$^'], 'a.b+(c)|$^');
test(classes, keeps, ['a.b'], 'axb');
test('case counts', keeps, ['FOO'], 'foo');

const order = 'the last match wins';
test(order, keeps, ['*.md', '!README.md'], 'README.md');
test(order, excludes, ['*.md', '!README*.md', 'README-secret.md'], 'README-secret.md');
test(order, excludes, ['!README.md', '*.md'], 'README.md');
test(order, keeps, ['*', '!src/keep.txt'], 'src/keep.txt');
test(order, excludes, ['*', '!src/keep.txt'], 'src/other.txt');
test(order, keeps, ['**/a', '!**/b'], 'a/b');
test(order, keeps, ['sub', '!*/sub1*'], 'sub/sub1x');
test(order, keeps, ['a', '!a/b', 'a/b/c'], 'a/b/d');
test(order, excludes, ['a', '!a/b', 'a/b/c'], 'a/b/c/d');
test(order, keeps, ['a', '! /a/b'], 'a/b');

const lines = 'lines';
test(lines, excludes, ['\uFEFFfoo'], 'foo');
test(lines, excludes, ['# foo', 'foo'], 'foo');
test(lines, keeps, ['#foo'], '#foo');
test(lines, excludes, [' #foo'], '#foo');
test(lines, excludes, ['  foo  '], 'foo');
test(lines, excludes, ['foo\r', ''], 'foo');
test(lines, keeps, ['', '   '], 'foo');
test(lines, excludes, ['a b'], 'a b');

test('the root is never excluded', (t) => {
  const matcher = parseIgnoreFile('*\n**\n.');
  t.false(matcher.match('').excluded);
  t.false(matcher.match('.').excluded);
});

test('the verdict names the deciding pattern and its line', (t) => {
  const matcher = parseIgnoreFile('# c\n*.md\n\n!/README.md\n');
  t.deepEqual(matcher.match('a.md'), { excluded: true, pattern: '*.md', line: 2 });
  t.deepEqual(matcher.match('README.md'), { excluded: false, pattern: '!/README.md', line: 4 });
  t.deepEqual(matcher.match('x'), { excluded: false });
  t.deepEqual(matcher.patterns, ['*.md', '!/README.md']);
});

test('malformed patterns are errors', (t) => {
  const error = t.throws(() => parseIgnoreFile('ok\n[a'), { instanceOf: TsbuildError, message: /line 2/ });
  t.is(error?.code, 'context');
  t.is(t.throws(() => createIgnoreMatcher(['!']), { instanceOf: TsbuildError })?.code, 'copy');
  t.throws(() => parseIgnoreFile('a\\'), { instanceOf: TsbuildError });
});

test('names that are not UTF-8 match byte for byte', (t) => {
  const matcher = createIgnoreMatcher(['?.txt']);
  t.true(matcher.match('\xff.txt').excluded);
  t.false(matcher.match('\xff\xfe.txt').excluded);
  t.true(createIgnoreMatcher(['ä']).match(toByteString('ä')).excluded);
});

const walks = test.macro({
  exec(t, patterns: readonly string[], dir: string, expected: boolean) {
    t.is(createIgnoreMatcher(patterns).mayIncludeBelow(dir), expected);
  },
  title: (_, patterns: readonly string[], dir: string, expected: boolean) =>
    `${expected ? 'walks' : 'skips'} ${dir}: ${patterns.join(' | ')}`,
});

test(walks, ['a'], 'b', true);
test(walks, ['a'], 'a', false);
test(walks, ['a'], 'a/b', false);
test(walks, ['*', '!src/keep.txt'], 'src', true);
test(walks, ['*', '!src/keep.txt'], 'srx', false);
test(walks, ['*', '!src/keep.txt'], 'src/lib', false);
test(walks, ['*', '!**/keep.txt'], 'any/where', true);
test(walks, ['!a/b', 'a'], 'a', false);
test(walks, ['a', '!a'], 'a', true);
test(walks, ['*', '!s*/x'], 'src', true);
test(walks, ['*', '!s*/x'], 'src/x', true);

const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '**b', '[ab]', 'a**');
const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const patterns = fc.array(
  fc.tuple(fc.boolean(), pattern).map(([include, text]) => (include ? `!${text}` : text)),
  { maxLength: 4 },
);
const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'ba'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'));

/** Slow and simple: each pattern as a regular expression, tried on the path and every parent. */
function expected(list: readonly string[], file: string): boolean {
  const parts = file.split('/');
  const candidates = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  let excluded = false;
  for (const written of list) {
    const include = written.startsWith('!');
    const expression = regularExpression(include ? written.slice(1) : written);
    if (candidates.some((candidate) => expression.test(candidate))) excluded = !include;
  }
  return excluded;
}

function regularExpression(text: string): RegExp {
  const literalEnd = /^\*\*([^/*?[\]]+(?:\/[^*?[\]]+)?)$/.exec(text)?.[1];
  if (literalEnd !== undefined) return new RegExp(`^.*${literalEnd}$`);
  const source = text.replace(/\*\*\/?$|\*\*\/?|\*|\?/g, (token, offset: number) => {
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return offset + token.length === text.length ? '.*' : '(.*/)?';
  });
  return new RegExp(`^${source}$`);
}

test('agrees with regular expressions', (t) => {
  fc.assert(
    fc.property(
      patterns,
      path,
      (list, file) => createIgnoreMatcher(list).match(file).excluded === expected(list, file),
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

test('a skipped directory holds nothing that is included', (t) => {
  fc.assert(
    fc.property(patterns, path, path, (list, dir, below) => {
      const matcher = createIgnoreMatcher(list);
      return matcher.mayIncludeBelow(dir) || matcher.match(`${dir}/${below}`).excluded;
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('hostile patterns take linear time', (t) => {
  const matcher = createIgnoreMatcher([
    `${'*a'.repeat(200)}b`,
    `${'**/'.repeat(200)}b`,
    `${'a*'.repeat(100)}[^ac]`,
  ]);
  t.false(matcher.match(`${'a'.repeat(3000)}c`).excluded);
});
