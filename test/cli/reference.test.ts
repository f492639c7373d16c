import test from 'ava';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodeMeanings } from '../../src/cli/exit-codes.js';
import { cliReference } from '../../src/cli/reference.js';
import { exitCodes } from '../../src/util/errors.js';
import { projectRoot } from '../helpers/project.js';

test('docs/cli.md is what npm run docs writes', async (t) => {
  t.is(readFileSync(join(projectRoot, 'docs/cli.md'), 'utf8'), await cliReference());
});

test('every exit code has a meaning', (t) => {
  const meant = new Set(exitCodeMeanings.map(([code]) => code));
  for (const [name, code] of Object.entries(exitCodes)) t.true(meant.has(code), name);
});
