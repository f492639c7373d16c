/**
 * dockerfile-ast as a second opinion: it must find the same instructions at the same places, but for the files of
 * which it is known to be wrong.
 */
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseInstructions } from '../../src/parser/ast.js';
import { locate } from '../../src/parser/ast.js';
import { parseDockerfile as parse } from '../../src/parser/parse.js';
import type { Source } from '../../src/util/source.js';
import type { Dockerfile, Instruction } from '../../src/parser/types.js';
import { projectRoot } from '../helpers/project.js';

/** With narrowed ranges, as the command line parses. */
const parseDockerfile = (source: Source) => parse(source, locate);

const folder = join(projectRoot, 'fixtures', 'dockerfiles');

/** Where dockerfile-ast differs, and why. */
const differences: ReadonlyMap<string, string> = new Map([
  ['heredoc-fd', 'does not know file descriptors before <<'],
  ['heredoc-in-json', 'takes arrows inside a JSON array for a heredoc'],
  ['heredoc-quoted', 'ends a delimiter at a blank, even a quoted one'],
  ['directive-unknown-ends', 'reads directives behind an unknown one'],
  ['escape-tripled', 'takes the last of three escapes for a continuation'],
  ['escape-doubled', 'takes the last of two escapes for a continuation'],
  ['escape-alone', 'differs where an instruction begins with an escape'],
]);

function outline(dockerfile: Dockerfile): string[] {
  const all: Instruction[] = [...dockerfile.globalArgs];
  for (const { from, instructions } of dockerfile.stages) all.push(from, ...instructions);
  return all.map(({ kind, range }) => `${range.startLine}:${range.startColumn} ${kind}`);
}

function secondOpinion(text: string): string[] {
  return parseInstructions(text).map((instruction) => {
    const { start } = instruction.getRange();
    return `${start.line + 1}:${start.character} ${instruction.getKeyword()}`;
  });
}

for (const name of readdirSync(folder).sort()) {
  const text = readFileSync(join(folder, name, 'Dockerfile'), 'utf8');
  const dockerfile = parseDockerfile({ name, text });
  if (dockerfile.diagnostics.some(({ severity }) => severity === 'error')) continue;
  const reason = differences.get(name);
  test(`${name}: dockerfile-ast ${reason ?? 'agrees'}`, (t) => {
    if (reason === undefined) t.deepEqual(outline(dockerfile), secondOpinion(text));
    else t.notDeepEqual(outline(dockerfile), secondOpinion(text));
  });
}
