/** fixtures/dockerfiles: each folder is a Dockerfile and what must come of it: its instructions, or its errors. */
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { locate } from '../../src/parser/ast.js';
import { parseDockerfile as parse } from '../../src/parser/parse.js';
import type { Source } from '../../src/util/source.js';
import type { Dockerfile } from '../../src/parser/types.js';
import { projectRoot } from '../helpers/project.js';

/** With narrowed ranges, as the command line parses. */
const parseDockerfile = (source: Source) => parse(source, locate);

interface Expected {
  /** Keywords in order; the file has no errors then. */
  readonly instructions?: readonly string[];
  /** All errors in order; `message` is a part of the real one. */
  readonly errors?: readonly { readonly line: number; readonly message: string }[];
}

const folder = join(projectRoot, 'fixtures', 'dockerfiles');

function kinds({ globalArgs, stages }: Dockerfile): string[] {
  const staged = stages.flatMap(({ from, instructions }) => [from, ...instructions]);
  return [...globalArgs, ...staged].map(({ kind }) => kind);
}

for (const name of readdirSync(folder).sort()) {
  test(name, (t) => {
    const expected = JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8')) as Expected;
    const dockerfile = parseDockerfile({
      name,
      text: readFileSync(join(folder, name, 'Dockerfile'), 'utf8'),
    });
    const errors = dockerfile.diagnostics.filter(({ severity }) => severity === 'error');
    const wanted = expected.errors ?? [];
    t.deepEqual(
      errors.map(({ range, message }, index) => {
        const part = wanted[index]?.message ?? '';
        return { line: range.startLine, message: part !== '' && message.includes(part) ? part : message };
      }),
      [...wanted],
    );
    if (expected.errors === undefined) t.deepEqual(kinds(dockerfile), [...(expected.instructions ?? [])]);
  });
}
