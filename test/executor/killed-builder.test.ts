/** A builder that is killed leaves no process and no mount, and the next one removes its directories. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { sweepScratch } from '../../src/executor/scratch.js';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { Bench, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

/** Processes whose environment holds the mark. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
    } catch {
      return false;
    }
  });
}

sandboxTest('SBX-16 kill -9 of the builder: nothing runs on, nothing stays mounted', async (t) => {
  t.timeout(60_000);
  t.teardown(() => {
    for (const pid of marked('tsbuild-killed-builder')) process.kill(Number(pid), 'SIGKILL');
  });
  const scratch = join(bench.directory, 'killed');
  const fifo = join(bench.directory, 'ends');
  mkdirSync(fifo);
  const module = new URL('../../src/executor/create-executor.js', import.meta.url).href;
  const spec = {
    lowers: [{ path: bench.base, namespace: ownOverlayNamespace(bench.directory) }],
    process: {
      argv: [
        '/bin/sh',
        '-c',
        '(trap "" TERM HUP; setsid sleep 1000 &) ; setsid sleep 1000 & sleep 1000 & kill -STOP $!; echo up; sleep 1000',
      ],
      env: ['PATH=/bin', 'MARK=tsbuild-killed-builder'],
      cwd: '/',
      user: { uid: 0, gid: 0, groups: [0], home: '/' },
    },
    mounts: [],
    network: 'default',
    security: 'sandbox',
    hostname: 'h',
    extraHosts: [],
  };
  const code = `import(${JSON.stringify(module)}).then(async ({ createExecutor }) => {
    const executor = await createExecutor({ scratch: ${JSON.stringify(scratch)}, isolation: 'auto' });
    const spec = { ...${JSON.stringify(spec)}, onOutput: () => process.stdout.write('up') };
    await executor.run(spec, { signal: new AbortController().signal, emit() {} });
  })`;
  const builder = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(builder.stdout, 'data');
  t.true(marked('tsbuild-killed-builder').length >= 4);
  builder.kill('SIGKILL');
  await once(builder, 'close');
  await gone('tsbuild-killed-builder');
  t.notRegex(readFileSync('/proc/mounts', 'utf8'), /killed/);
  t.is(readdirSync(scratch).filter((name) => !name.startsWith('.')).length, 1);
  await sweepScratch(scratch);
  t.deepEqual(readdirSync(scratch), ['.lock']);
});

/** Death comes in a chain of signals: wait for its end, as long as the test may take. */
async function gone(mark: string): Promise<void> {
  while (marked(mark).length > 0) await new Promise((resolve) => setImmediate(resolve));
}

sandboxTest('what a living process holds is not swept', async (t) => {
  const { upper } = await bench.step('echo x > /file');
  await sweepScratch(join(bench.directory, 'scratch'));
  t.true(readdirSync(upper).includes('file'));
});
