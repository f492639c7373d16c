/** The attack tests again as root of a user namespace: with a range of ids, and with one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { projectRoot } from '../helpers/project.js';
import { isRoot, runProgram } from '../helpers/programs.js';

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const launcher = join(projectRoot, out, 'test/helpers/in-place.js');
const files = ['sandbox', 'steps', 'step-mounts', 'hostile-images', 'seccomp-probe', 'step-probe'];
const it = isRoot ? test : test.skip;

async function passes(
  t: ExecutionContext,
  place: string,
  names: readonly string[],
  temporary?: string,
): Promise<void> {
  t.timeout(280_000);
  const ava = join(projectRoot, 'node_modules/ava/entrypoints/cli.mjs');
  const tests = names.map((name) => `${out}/test/executor/${name}.test.js`);
  const { code, stdout, output } = await runProgram(
    [process.execPath, launcher, place, process.execPath, ava, '--tap', '--concurrency=1', ...tests],
    { cwd: projectRoot, timeout: 270_000, env: temporary === undefined ? {} : { TMPDIR: temporary } },
  );
  t.is(code, 0, output.slice(-4000));
  t.true(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 35, 'tests were run');
}

for (const place of ['rootless', 'single-id']) {
  it(`the tests of the sandbox pass in mode ${place}`, (t) => passes(t, place, files));
}

it('the tests of the sandbox pass where the store lies on an overlay', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-overlay-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await passes(t, `overlay:${folder}`, ['sandbox', 'step-mounts'], folder);
});
