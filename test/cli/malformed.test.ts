/** Every malformed file of fixtures/dockerfiles: build, check, outline and targets fail alike, with all of its errors. */
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, TsbuildError } from '../../src/util/errors.js';
import { runCli } from '../helpers/cli-run.js';
import { projectRoot } from '../helpers/project.js';
import { scratchOf } from '../helpers/stores.js';

const folder = join(projectRoot, 'fixtures', 'dockerfiles');
const calls = ['--call=build', '--check', '--call=outline', '--call=targets,format=json'];

for (const name of readdirSync(folder).sort()) {
  const expected = JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8')) as {
    readonly errors?: readonly { readonly line: number }[];
  };
  const { errors } = expected;
  if (errors === undefined) continue;
  test(`${name}: every call ends with the exit code of a malformed file`, async (t) => {
    const root = scratchOf(t, 'malformed');
    for (const call of calls) {
      const args = ['build', call, '--progress=plain', join(folder, name)];
      const error = await t.throwsAsync(runCli(root, args), { instanceOf: TsbuildError }, call);
      if (error === undefined) return;
      t.is(exitCodes[error.code], exitCodes.dockerfile, call);
      t.deepEqual(
        [error, ...error.others].map(({ range }) => range?.startLine),
        errors.map(({ line }) => line),
        call,
      );
    }
  });
}
