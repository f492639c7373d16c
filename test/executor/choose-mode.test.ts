import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createExecutor } from '../../src/executor/create-executor.js';
import { isRoot } from '../helpers/programs.js';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-mode-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
const rooted = isRoot ? test : test.skip;

for (const isolation of ['rootless', 'single-id', 'chroot', 'none'] as const) {
  test(`--isolation=${isolation} is refused, never replaced by another mode`, async (t) => {
    const scratch = join(directory, isolation);
    await t.throwsAsync(createExecutor({ scratch, isolation }), {
      code: 'sandbox',
      message: `isolation mode ${isolation} is not available in this version`,
    });
  });
}

rooted('auto is rootful for root', async (t) => {
  t.is((await createExecutor({ scratch: join(directory, 'auto'), isolation: 'auto' })).mode, 'rootful');
});

rooted('without root the message says what is missing', async (t) => {
  chmodSync(directory, 0o777);
  const copy = join(directory, 'out');
  cpSync(new URL('../../src', import.meta.url).pathname, copy, { recursive: true });
  const module = join(copy, 'executor/create-executor.js');
  const code = `import(${JSON.stringify(module)}).then(({ createExecutor }) =>
    createExecutor({ scratch: ${JSON.stringify(join(directory, 'user'))}, isolation: 'auto' })
  ).catch((error) => console.log(error.code, error.message))`;
  const child = spawn(process.execPath, ['--experimental-default-type=module', '-e', code], {
    uid: 65534,
    gid: 65534,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  t.is(
    Buffer.concat(chunks).toString(),
    'sandbox a RUN instruction needs root: the rootless modes are not available in this version\n',
  );
});
