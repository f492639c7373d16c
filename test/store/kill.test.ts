import test from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/store/store.js';
import { findProgram, runProgram } from '../helpers/programs.js';
import { scratchOf } from '../helpers/stores.js';
import { checkStore } from './kill-checks.js';

const rounds = 15;
const worker = fileURLToPath(new URL('kill-worker.js', import.meta.url));

test('processes killed at any time leave a sound store', async (t) => {
  const root = join(scratchOf(t), 'root');
  let n = 0;
  for (let round = 0; round < rounds; round += 1) {
    const done = await Promise.all([runAndKill(root, n), runAndKill(root, n + 3)]);
    n += Math.max(...done) + 1;
    await checkStore(t, await openStore(root));
  }
  t.log(`${rounds} rounds, ${n} builds`);
  t.true(n > rounds, 'the workers did something');
});

/** Kills a worker while it starts or some time after its first words; gives how many rounds it made. */
async function runAndKill(root: string, start: number): Promise<number> {
  const child = spawn(process.execPath, [worker, root, String(start)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // The moment is what is random here; nothing is expected of how far the worker came.
  if (Math.random() < 0.3) await delay(Math.random() * 150);
  else {
    await Promise.race([once(child.stdout, 'data'), ended]);
    await delay(Math.random() * 60);
  }
  child.kill('SIGKILL');
  await ended;
  return output.split('\n').length;
}

/** The calls by which a store changes. */
const calls = ['rename', 'fsync', 'unlink'];

(findProgram('strace') === undefined ? test.skip : test)(
  'a process killed at any call that changes the store leaves it sound (needs strace)',
  async (t) => {
    const root = join(scratchOf(t), 'root');
    let points = 0;
    for (const call of calls) {
      for (let when = 1; ; when += 1) {
        points += 1;
        const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${when}`];
        // Calls are counted per thread; with one thread in the pool every call is met.
        const ended = await runProgram(
          [
            'strace',
            '-f',
            '-qq',
            '-o',
            '/dev/null',
            ...inject,
            process.execPath,
            worker,
            root,
            String(points * 5),
            '1',
          ],
          { env: { UV_THREADPOOL_SIZE: '1' } },
        );
        await checkStore(t, await openStore(root));
        if (ended.code === 0) break;
        if (ended.code !== 137) return t.fail(`${call} ${when}: ${ended.output}`);
      }
    }
    t.log(`${points} points`);
    t.true(points > 20, `${points} points`);
  },
);
