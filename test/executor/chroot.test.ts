/** Chroot mode in the place that it is for: root with Docker's default capabilities and seccomp filter. */
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/project.js';
import { isRoot, runProgram } from '../helpers/programs.js';

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const it = isRoot ? test : test.skip;

it('what chroot mode promises holds in a default container', async (t) => {
  t.timeout(120_000);
  const { code, stdout, output } = await runProgram(
    [
      process.execPath,
      join(projectRoot, out, 'test/helpers/in-place.js'),
      'container',
      process.execPath,
      join(projectRoot, 'node_modules/ava/entrypoints/cli.mjs'),
      '--tap',
      `${out}/test/executor/chroot-steps.test.js`,
    ],
    { cwd: projectRoot, timeout: 110_000 },
  );
  t.is(code, 0, output.slice(-4000));
  t.true(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) >= 9, 'tests were run');
});
