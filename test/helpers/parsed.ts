/** Macros for tables of what a Dockerfile's text means. */
import test from 'ava';
import { locate } from '../../src/parser/ast.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import type { Diagnostic, Dockerfile, StageInstruction } from '../../src/parser/types.js';

/** As the command line parses: errors point at words. */
export function parsed(text: string): Dockerfile {
  return parseDockerfile({ name: 'Dockerfile', text }, locate);
}

/** The errors of a text; none when it can be built. */
export function errorsIn(text: string): readonly Diagnostic[] {
  return parsed(text).diagnostics.filter(({ severity }) => severity === 'error');
}

/** The instructions of the last stage. Throws when the text has errors. */
function lastStage(text: string): readonly StageInstruction[] {
  const { stages, diagnostics } = parsed(text);
  const error = diagnostics.find(({ severity }) => severity === 'error');
  if (error !== undefined) throw new Error(error.message);
  return stages.at(-1)?.instructions ?? [];
}

const titled = (rule: string | undefined, text: string) => `${rule ?? ''}: ${JSON.stringify(text)}`;
const inStage = (text: string) => (/^\ufeff?FROM/m.test(text) ? text : `FROM scratch\n${text}`);

/** The instructions are, joined and without comments, these lines. A text without FROM stands behind one. */
export const reads = test.macro<[text: string, ...lines: string[]]>({
  exec(t, text, ...lines) {
    t.deepEqual(
      lastStage(inStage(text)).map(({ text: line }) => line),
      lines,
    );
  },
  title: titled,
});

/** The first instruction has these members. */
export const means = test.macro({
  exec(t, text: string, members: object) {
    const [first] = lastStage(inStage(text));
    t.like(JSON.parse(JSON.stringify(first ?? null)) as object, members);
  },
  title: titled,
});

/** The first error, with its hint in brackets, matches, and it is in this line. */
export const refused = test.macro({
  exec(t, text: string, message: RegExp, line?: number) {
    const [first] = errorsIn(inStage(text));
    t.regex(`${first?.message ?? 'no error'} (${first?.hint ?? ''})`, message);
    if (line !== undefined) t.is(first?.range.startLine, line);
  },
  title: titled,
});
