import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram, type Running } from '../helpers/programs.js';

const child = join(dirname(fileURLToPath(import.meta.url)), '../helpers/guarded-child.js');

function start(t: ExecutionContext, behaviour: string): Running {
  const running = startProgram([process.execPath, child, behaviour], { timeout: 60_000 });
  t.teardown(() => running.stop());
  return running;
}

const ends = test.macro({
  async exec(t, behaviour: string, code: number, stderr: RegExp) {
    const ended = await start(t, behaviour).ended;
    t.is(ended.code, code, ended.stderr);
    t.regex(ended.stderr, stderr);
    t.is(ended.stdout, '');
  },
  title: (title) => `ends: ${title ?? ''}`,
});
test('well', ends, 'succeed', 0, /^$/);
test(
  'with the code of a failure, and its hint',
  ends,
  'fail-usage',
  2,
  /^error: wrong\nhint: do it right\n$/,
);
test('with the code of a failed step', ends, 'fail-run', 4, /^error: the step failed\n$/);
test(
  'with 70 for a bug',
  ends,
  'bug',
  70,
  /bug of tsbuild[^]*TypeError: x is undefined[^]*tsbuild .*, node /,
);
test(
  'with 70 when the command never ends and nothing is left to do',
  ends,
  'unfinished',
  70,
  /ran out of work/,
);
test('with 70 for a rejection that nobody handles', ends, 'stray rejection', 70, /nobody waits for this/);
test('with 70 for an exception that nobody catches', ends, 'stray exception', 70, /nobody catches this/);

test('with 1 when what it says cannot be written', async (t) => {
  const command = ['sh', '-c', 'exec "$0" "$1" succeed-aloud >/dev/full', process.execPath, child];
  const running = startProgram(command, { timeout: 60_000 });
  t.teardown(() => running.stop());
  const ended = await running.ended;
  t.is(ended.code, 1, ended.stderr);
  t.regex(ended.stderr, /^error: cannot write standard output: no space is left there\n/);
});

const signals = test.macro({
  async exec(t, name: NodeJS.Signals, code: number) {
    const running = start(t, 'obey');
    await running.printed(/ready/);
    running.signal(name);
    const ended = await running.ended;
    t.is(ended.code, code);
    t.is(ended.stdout, 'ready\ncleaned up\n');
    t.is(ended.stderr, `stopped by ${name}\n`);
  },
  title: (_, name) => `${name} lets the command clean up`,
});
test(signals, 'SIGINT', 130);
test(signals, 'SIGTERM', 143);
test(signals, 'SIGHUP', 129);

test('a second signal ends the process at once, with its own code', async (t) => {
  const running = start(t, 'ignore');
  await running.printed(/ready/);
  running.signal('SIGINT');
  await running.printed(/told/);
  running.signal('SIGTERM');
  t.is((await running.ended).code, 143);
});

test('a reader of standard output that goes away ends the command quietly', async (t) => {
  const running = spawn(process.execPath, [child, 'write on'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => running.kill('SIGKILL'));
  let stderr = '';
  running.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(running.stdout, 'data');
  running.stdout.destroy();
  const [code] = (await once(running, 'close')) as [number];
  t.is(code, 141);
  t.is(stderr, '');
});

test('a reader of standard error that goes away does not stop the command', async (t) => {
  const running = spawn(process.execPath, [child, 'write to stderr'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => running.kill('SIGKILL'));
  let stdout = '';
  running.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  await once(running.stderr, 'data');
  running.stderr.destroy();
  const [code] = (await once(running, 'close')) as [number];
  t.deepEqual([code, stdout], [0, 'done\n']);
});
