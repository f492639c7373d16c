import test from 'ava';
import fc from 'fast-check';
import { createIgnoreMatcher } from '../../src/parser/ignore.js';
import { lint } from '../../src/parser/lint/lint.js';
import { locate } from '../../src/parser/ast.js';
import { parseDockerfile as parse } from '../../src/parser/parse.js';
import type { Source } from '../../src/util/source.js';
import { parseTrigger } from '../../src/parser/trigger.js';
import { TsbuildError } from '../../src/util/errors.js';

/** With narrowed ranges, as the command line parses. */
const parseDockerfile = (source: Source) => parse(source, locate);

const pieces = fc.constantFrom(
  'FROM', 'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'LABEL', 'ONBUILD', 'CMD', 'SHELL', 'EXPOSE', 'VOLUME', 'USER', 'HEALTHCHECK',
  'WORKDIR', 'from', 'NONE', 'AS', ' ', ' ', '\t', '\n', '\n', '\r\n', '\\', '\\\n', '`', '#', '# escape=`\n', '# check=x\n',
  '--', '--from=', '--mount=', 'type=cache,', 'target=/x', '--link', '<<', '<<-', 'EOF', "'", '"', '[', ']', ',', '"a"', '$', '${',
  '}', ':-', '=', 'a', 'b:1', '/x', '\u{1f600}', '\ufeff', '\0', '\u00a0', '..', '*', '!',
); // prettier-ignore
const text = fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(''));

test('any text gives a Dockerfile whose diagnostics lie inside it', (t) => {
  fc.assert(
    fc.property(text, (source) => {
      const dockerfile = parseDockerfile({ name: 'fuzz', text: source });
      const lines = source.split('\n').length;
      const all = [...dockerfile.diagnostics, ...lint(dockerfile)];
      return all.every(
        ({ range, message }) =>
          message !== '' &&
          range.startLine >= 1 &&
          range.startLine <= range.endLine &&
          range.endLine <= lines,
      );
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('a Dockerfile without errors has stages, and its instructions lie in order', (t) => {
  fc.assert(
    fc.property(text, (body) => {
      const { stages, diagnostics } = parseDockerfile({ name: 'fuzz', text: `FROM a\n${body}` });
      if (diagnostics.some(({ severity }) => severity === 'error')) return true;
      const starts = stages.flatMap(({ from, instructions }) =>
        [from, ...instructions].map(({ range }) => range.startLine),
      );
      return (
        stages.length > 0 && starts.every((line, index) => index === 0 || line > (starts[index - 1] ?? 0))
      );
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('a trigger parses or is a TsbuildError', (t) => {
  fc.assert(
    fc.property(text, (trigger) => {
      try {
        return parseTrigger(trigger).kind !== 'ONBUILD';
      } catch (error) {
        return error instanceof TsbuildError;
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('an ONBUILD trigger parses to the same instruction again', (t) => {
  fc.assert(
    fc.property(text, (body) => {
      const { stages, diagnostics, directives } = parseDockerfile({
        name: 'fuzz',
        text: `FROM a\nONBUILD ${body}`,
      });
      const [onbuild] = stages[0]?.instructions ?? [];
      if (onbuild?.kind !== 'ONBUILD' || diagnostics.length > 0 || directives.escape !== '\\') return true;
      const { range: _range, comments: _comments, ...first } = onbuild.instruction;
      const { range: _again, comments: _others, ...second } = parseTrigger(onbuild.trigger);
      return JSON.stringify(first) === JSON.stringify(second);
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('ignore patterns match or are a TsbuildError', (t) => {
  const pattern = fc.array(
    fc.constantFrom('*', '**', '/', 'a', '[', ']', '^', '-', '\\', '!', '?', '.', 'ü'),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(pattern, text, (parts, path) => {
      try {
        return typeof createIgnoreMatcher([parts.join('')]).match(path).excluded === 'boolean';
      } catch (error) {
        return error instanceof TsbuildError && error.code === 'copy';
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

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
  });
}
