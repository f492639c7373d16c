import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { lockFile, type FileLock } from '../../src/sys/lock.js';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-lock-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(directory, `lock-${count++}`);

async function held(path: string, kind: 'shared' | 'exclusive' = 'exclusive'): Promise<FileLock> {
  const lock = await lockFile(path, kind);
  if (lock === undefined) throw new Error('not locked');
  return lock;
}

test('an exclusive lock excludes every other, until it is released', async (t) => {
  const path = fresh();
  const lock = await held(path);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.is(await lockFile(path, 'exclusive', { wait: false }), undefined);
  t.is(await lockFile(path, 'shared', { wait: false }), undefined);
  lock.release();
  lock.release();
  t.truthy(await lockFile(path, 'exclusive', { wait: false }));
});

test('shared locks go together and exclude an exclusive one', async (t) => {
  const path = fresh();
  await held(path, 'shared');
  t.truthy(await lockFile(path, 'shared', { wait: false }));
  t.is(await lockFile(path, 'exclusive', { wait: false }), undefined);
});

test('waiting ends when the holder releases', async (t) => {
  const path = fresh();
  const first = await held(path);
  const second = lockFile(path, 'exclusive');
  first.release();
  t.truthy(await second);
});

test('waiting can be aborted', async (t) => {
  const path = fresh();
  await held(path);
  const controller = new AbortController();
  const waiting = lockFile(path, 'exclusive', { signal: controller.signal });
  setImmediate(() => controller.abort(new Error('enough')));
  await t.throwsAsync(waiting, { message: 'enough' });
});

test('a lock on a file that was replaced meanwhile is taken on the new file', async (t) => {
  const path = fresh();
  const first = await held(path);
  const second = lockFile(path, 'exclusive');
  writeFileSync(`${path}.new`, '');
  renameSync(`${path}.new`, path);
  first.release();
  t.truthy(await second);
  t.is(await lockFile(path, 'exclusive', { wait: false }), undefined);
});

test('the kernel frees the lock of a process that was killed', async (t) => {
  const path = fresh();
  const module = new URL('../../src/sys/lock.js', import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then(async ({ lockFile }) => {
    globalThis.lock = await lockFile(${JSON.stringify(path)}, 'exclusive');
    console.log('held');
    setInterval(() => {}, 1000);
  })`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  t.is(await lockFile(path, 'exclusive', { wait: false }), undefined);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.truthy(await lockFile(path, 'exclusive', { wait: false }));
});
