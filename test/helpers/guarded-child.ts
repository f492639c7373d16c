/** A command that behaves as its argument says, under the guards of the process; for test/cli/process-guards. */
import { once } from 'node:events';
import { guardProcess } from '../../src/cli/process-guards.js';
import { TsbuildError } from '../../src/util/errors.js';

const guards = guardProcess();

const behaviours: Readonly<Record<string, () => Promise<number>>> = {
  succeed: () => Promise.resolve(0),
  'succeed-aloud'() {
    process.stdout.write('done\n');
    return Promise.resolve(0);
  },
  'fail-usage': () => Promise.reject(new TsbuildError('usage', 'wrong', { hint: 'do it right' })),
  'fail-run': () => Promise.reject(new TsbuildError('run', 'the step failed')),
  bug: () => Promise.reject(new TypeError('x is undefined')),
  /** Cleans up and ends when it is told to. */
  async obey() {
    const alive = setInterval(() => undefined, 1000);
    process.stdout.write('ready\n');
    await once(guards.signal, 'abort');
    process.stdout.write('cleaned up\n');
    clearInterval(alive);
    throw guards.signal.reason;
  },
  /** Is told to end and does not. */
  async ignore() {
    setInterval(() => undefined, 1000);
    process.stdout.write('ready\n');
    await once(guards.signal, 'abort');
    process.stdout.write('told\n');
    return new Promise(() => undefined);
  },
  /** Awaits what never comes, with nothing left to do. */
  unfinished: () => new Promise(() => undefined),
  async 'stray rejection'() {
    void Promise.reject(new Error('nobody waits for this'));
    return new Promise(() => setInterval(() => undefined, 1000));
  },
  async 'stray exception'() {
    setImmediate(() => {
      throw new Error('nobody catches this');
    });
    return new Promise(() => setInterval(() => undefined, 1000));
  },
  /** Writes until it is told to end. */
  async 'write on'() {
    while (!guards.signal.aborted) {
      process.stdout.write(`${'x'.repeat(1000)}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return 0;
  },
  /** Progress goes on although nobody reads it. */
  async 'write to stderr'() {
    for (let round = 0; round < 200; round += 1) {
      process.stderr.write(`${'x'.repeat(1000)}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    process.stdout.write('done\n');
    return 0;
  },
};

try {
  await guards.finish((await behaviours[process.argv[2] ?? '']?.()) ?? 99);
} catch (error) {
  await guards.fail(error);
}
