/** Sandboxes that are opened before their step comes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import type { Surroundings } from '../../src/executor/types.js';
import { isOverlay } from '../../src/layers/own-namespace.js';
import { testWhere, type Declare } from '../helpers/modes.js';
import { Bench, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

// One kills what this process has opened ahead, so no other may run beside it.
const serialTest: Declare = sandboxTest === test.skip ? test.skip : test.serial;
// In plain directories, where the store lies on an overlay, nothing is opened ahead.
const it = testWhere(!isOverlay(bench.directory), 'the store lies on an overlay', serialTest);

const ordinary: Surroundings = { network: 'default', security: 'sandbox' };

/** Numbers of the directories in use: one is made when a sandbox is opened. */
function opened(scratch: string): string[] {
  const names = readdirSync(scratch).filter((name) => name.endsWith('.upper'));
  return names.map((name) => basename(name, '.upper')).sort();
}

it('the next that is expected is opened when a step has begun; a step that is not like it has its own', async (t) => {
  const own = new Bench();
  t.teardown(() => own.close());
  const executor = await own.executor;
  executor.expect?.(ordinary); // 1
  executor.expect?.({ ...ordinary, limits: { shmSize: 1 << 20 } });
  const script = 'df -k /dev/shm | tail -n 1; id -u; ip link | grep -c mtu';
  const first = await own.run(script); // 1; then 2 is opened for what is expected
  const scratch = join(first.upper, '..');
  t.regex(first.stdout, / 65536 /);
  t.deepEqual(opened(scratch), ['1', '2']);
  const other = await own.run(script, { network: 'none' });
  t.regex(other.stdout, /^1$/m);
  t.is(basename(other.upper), '3.upper');
  const user = { uid: 7, gid: 8, groups: [8], home: '/' };
  const limited = await own.run(script, { limits: { shmSize: 1 << 20 }, process: { user } });
  t.regex(limited.stdout, / 1024 /);
  if (executor.mode !== 'single-id') t.regex(limited.stdout, /^7$/m);
  t.is(basename(limited.upper), '2.upper');
  const insecure = await own.run(script, { security: 'insecure' });
  t.is(basename(insecure.upper), '4.upper');
  t.deepEqual(opened(scratch), ['1', '2', '3', '4']); // nothing more was expected
});

it('one whose processes were killed is not used', async (t) => {
  const own = new Bench();
  t.teardown(() => own.close());
  await own.run('true');
  (await own.executor).expect?.(ordinary);
  await killPlayers();
  const { code, stdout, upper } = await own.run('echo fine');
  t.deepEqual([code, stdout, basename(upper)], [0, 'fine\n', '3.upper']);
});

it('nothing of it is left when no step came', async (t) => {
  const own = new Bench();
  t.teardown(() => own.close());
  const executor = await own.executor;
  const { upper } = await own.run('true');
  executor.expect?.(ordinary);
  executor.expect?.(ordinary);
  const scratch = join(upper, '..');
  t.deepEqual(opened(scratch), ['1', '2']);
  await executor.close?.();
  t.deepEqual(readdirSync(scratch).sort(), ['1.upper', 'lock']);
  t.deepEqual(players(), []);
});

it('one that is closed while it is opened ends, at whatever moment that is', async (t) => {
  const own = new Bench();
  t.teardown(() => own.close());
  const executor = await own.executor;
  for (let turns = 0; turns < 300; turns += 1) {
    executor.expect?.(ordinary);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    await executor.close?.();
  }
  t.deepEqual(players(), []);
});

it('a failure to open one is that of the step that takes it, and nothing is left', async (t) => {
  const own = new Bench();
  t.teardown(() => own.close());
  const executor = await own.executor;
  const { upper } = await own.run('true');
  const scratch = join(upper, '..');
  writeFileSync(join(scratch, '2.work'), ''); // where its folders would be
  executor.expect?.(ordinary);
  await t.throwsAsync(own.run('true'), { code: 'EEXIST' });
  t.is((await own.run('echo fine')).stdout, 'fine\n');
  t.deepEqual(readdirSync(scratch).sort(), ['1.upper', '2.work', '3.upper', 'lock']);
});

/** Players of this process that wait or run. */
function players(): number[] {
  const threads = readdirSync('/proc/self/task');
  const children = threads.flatMap((thread) => readIfThere(`/proc/self/task/${thread}/children`).split(' '));
  return children
    .filter((pid) => pid !== '' && readIfThere(`/proc/${pid}/comm`).startsWith('memfd:tsbuild'))
    .map(Number);
}

/** Waits for the process, which gets its last name when it plays the sandbox's program. */
async function killPlayers(): Promise<void> {
  while (players().length === 0) await new Promise(setImmediate);
  for (const pid of players()) process.kill(pid, 'SIGKILL');
  while (players().length > 0) await new Promise(setImmediate);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
