/** A short run of every law, and inputs that are large. `npm run fuzz` goes on for longer. */
import test from 'ava';
import fc from 'fast-check';
import { expandWord } from '../../src/parser/expand.js';
import { createIgnoreMatcher } from '../../src/parser/ignore.js';
import { lint } from '../../src/parser/lint/lint.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import { TsbuildError } from '../../src/util/errors.js';
import { properties } from './properties.js';

for (const { part, title, property } of properties) {
  test(`${part}: ${title}`, async (t) => {
    await fc.assert(property, { numRuns: 1500 });
    t.pass();
  });
}

const large: readonly (readonly [string, string])[] = [
  ['100 000 instructions', `FROM a\n${'RUN x\n'.repeat(100_000)}`],
  ['100 000 unknown instructions', 'X y\n'.repeat(100_000)],
  ['100 000 continuations', `FROM a\nRUN x${' \\\n'.repeat(100_000)}y`],
  ['one long line', `FROM a\nRUN ${'a '.repeat(500_000)}`],
  ['one long line of arithmetic', `FROM a\nRUN << ${'$(('.repeat(300_000)}`],
  ['one long line of arrows', `FROM a\nRUN ${'<<'.repeat(500_000)}`],
  ['many heredocs', `FROM a\nRUN ${'<<E '.repeat(100_000)}\n${'E\n'.repeat(100_000)}`],
  ['a long JSON array', `FROM a\nRUN [${'"a",'.repeat(200_000)}"b"]`],
  ['nested JSON', `FROM a\nRUN ${'['.repeat(500_000)}`],
  ['many flags', `FROM a\nRUN ${'--mount=target=/x '.repeat(50_000)} x`],
  ['many environment variables', `FROM a\nENV ${'a=b '.repeat(200_000)}`],
  ['one long word', `FROM a\n${'X'.repeat(1_000_000)}`],
  ['a long comma list', `FROM a\nRUN --mount="${'x,'.repeat(500_000)}" y`],
];

for (const [title, source] of large) {
  test(`${title}: parsed or refused without hanging`, (t) => {
    const dockerfile = parseDockerfile({ name: 'large', text: source });
    t.true(dockerfile.diagnostics.length > 0 || dockerfile.stages.length > 0);
    t.true(Array.isArray(lint(dockerfile)));
  });
}

const nested = (depth: number): string => '${A:-'.repeat(depth) + '}'.repeat(depth);
const slow: readonly (readonly [string, string])[] = [
  ['nested defaults', nested(10_000)],
  ['stars in a suffix', `\${A%%${'*a'.repeat(2000)}b}`],
  ['stars in a replacement', `\${A//${'*a'.repeat(2000)}b/x}`],
  ['many variables', '$A'.repeat(100_000)],
];
for (const [title, word] of slow) {
  test(`${title}: expanded or refused without hanging`, (t) => {
    try {
      t.is(typeof expandWord(word, { get: () => 'a'.repeat(1000) }, '\\'), 'string');
    } catch (error) {
      t.true(error instanceof TsbuildError);
    }
  });
}

const patterns = [
  '*a'.repeat(500),
  '**/'.repeat(200) + 'x',
  '**/*a*a*a*a*a*b',
  '[a-z]*'.repeat(200),
  '?*'.repeat(300),
];
for (const pattern of patterns) {
  test(`a pattern of ${pattern.length} characters, ${pattern.slice(0, 12)}: matched without hanging`, (t) => {
    const matcher = createIgnoreMatcher([pattern, `!${pattern}/b`]);
    for (const path of ['a'.repeat(4000), 'a/'.repeat(500) + 'c', 'aaaa/'.repeat(200)]) {
      t.is(typeof matcher.match(path).excluded, 'boolean');
      t.is(typeof matcher.mayIncludeBelow(path), 'boolean');
    }
  });
}
