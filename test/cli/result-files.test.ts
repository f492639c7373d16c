import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { runCli } from '../helpers/cli-run.js';
import { scratchOf } from '../helpers/stores.js';

const unwritable: readonly (readonly [rule: string, args: readonly string[], message: string])[] = [
  ['--iidfile', ['--iidfile=none/id'], 'cannot write "none/id": its folder does not exist'],
  ['--metadata-file', ['--metadata-file=none/m'], 'cannot write "none/m": its folder does not exist'],
  [
    'a device as a folder',
    ['--iidfile=/dev/null/id'],
    'cannot write "/dev/null/id": a part of the path is not a folder',
  ],
];
const archives: readonly string[] = ['type=oci', 'type=docker', 'type=tar'];

for (const [rule, args, message] of unwritable) {
  test(`refused before anything is built: ${rule}`, async (t) => {
    const { run } = await project(scratchOf(t));
    t.like(await t.throwsAsync(run(args)), { code: 'build', message });
  });
}

for (const output of archives) {
  test(`refused before anything is built: an archive, ${output}`, async (t) => {
    const { run } = await project(scratchOf(t));
    const error = await t.throwsAsync(run(['-o', `${output},dest=none/x.tar`]));
    t.like(error, { code: 'build', hint: 'make the folder first, or choose another one' });
  });
}

test('a Dockerfile that is no file is named as such', async (t) => {
  const { run, folder } = await project(scratchOf(t));
  const error = await t.throwsAsync(run(['-f', folder]));
  t.like(error, { code: 'dockerfile', message: `${JSON.stringify(folder)} is not a regular file` });
});

/** A command that works in an empty folder, and a project beside it whose build would fail in another way. */
async function project(root: string): Promise<Project> {
  const folder = join(root, 'project');
  const cwd = join(root, 'cwd');
  await mkdir(folder);
  await mkdir(cwd);
  await writeFile(join(folder, 'Dockerfile'), 'NONSENSE\n');
  const run = (args: readonly string[]): Promise<unknown> => runCli(cwd, ['build', ...args, folder]);
  return { run, folder };
}

interface Project {
  readonly run: (args: readonly string[]) => Promise<unknown>;
  readonly folder: string;
}
