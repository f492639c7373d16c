import test from 'ava';
import { LogTail } from '../../src/progress/log-tail.js';
import { runningView, type ViewOptions } from '../../src/progress/tty-view.js';
import { TtyRenderer } from '../../src/progress/tty.js';
import type { BuildEvent } from '../../src/progress/event.js';
import { bytes, RecordingWriter, rendered } from '../helpers/recording-writer.js';

const make: BuildEvent = { kind: 'declared', step: 'a', name: '[build 3/5] RUN make' };
const start: BuildEvent = { kind: 'started', step: 'a' };

test('a finished step is one line', (t) => {
  t.is(
    rendered('tty', [make, start, 1200, { kind: 'finished', step: 'a', outcome: 'done' }]),
    '✔ [build 3/5] RUN make 1.2s\n',
  );
});

test('a step from the cache is one line', (t) => {
  t.is(
    rendered('tty', [make, { kind: 'cached', step: 'a' }, { kind: 'finished', step: 'a', outcome: 'done' }]),
    '✔ [build 3/5] RUN make CACHED\n',
  );
});

test('a failed step leaves its output on the screen', (t) => {
  const text = rendered('tty', [
    make,
    start,
    { kind: 'output', step: 'a', stream: 'stdout', chunk: bytes('one\ntwo \u001b[2J') },
    { kind: 'finished', step: 'a', outcome: 'failed', error: 'exit code 1' },
  ]);
  t.is(text, '✖ [build 3/5] RUN make ERROR: exit code 1\n  │ one\n  │ two \\x1b[2J\n');
});

test('a warning is one line', (t) => {
  t.is(rendered('tty', [{ kind: 'warning', message: 'x\u001b[2J' }]), '⚠ x\\x1b[2J\n');
});

function logOf(lines: readonly string[]): LogTail {
  const log = new LogTail(200);
  log.add(lines);
  return log;
}

const options: ViewOptions = { columns: 40, rows: 24, color: false, logLines: 2 };

test('the view shows running steps with their last lines', (t) => {
  const step = { name: 'RUN make', seconds: 3, transfer: undefined, log: logOf(['a', 'b', 'c']) };
  t.is(runningView('Building', [step], options), 'Building\n  RUN make 3.0s\n  │ b\n  │ c');
});

test('the view never wraps and never outgrows the terminal', (t) => {
  const step = {
    name: 'x'.repeat(200),
    seconds: 3,
    transfer: 'y'.repeat(99),
    log: logOf(Array<string>(9).fill('漢'.repeat(99))),
  };
  for (const rows of [2, 5, 10, 24]) {
    const lines = runningView('Building', Array<typeof step>(12).fill(step), { ...options, rows }).split(
      '\n',
    );
    t.true(lines.length < Math.max(rows, 3), `${lines.length} lines in ${rows} rows`);
    for (const line of lines) t.true(line.length <= 40);
  }
});

test('the tail of a log is bounded in lines and in length', (t) => {
  const log = new LogTail(3);
  log.add(['1', '2', '3', '4']);
  t.deepEqual(log.lines, ['2', '3', '4']);
  t.is(log.dropped, 1);
  const long = new LogTail(1000);
  for (let round = 0; round < 20; round += 1) long.add(['x'.repeat(60_000)]);
  t.is(long.lines.length, 4);
});

test('ora draws the view; at the end the view is gone and the cursor is back', async (t) => {
  const writer = new RecordingWriter(true, 60, 20);
  const renderer = new TtyRenderer({ writer, clock: () => 0, color: false, logLines: 6, pushed: false });
  renderer.emit(make);
  renderer.emit(start);
  await import('ora');
  await new Promise((resolve) => setImmediate(resolve));
  t.true(writer.text.includes('\u001b[?25l'), 'the cursor is hidden');
  t.true(writer.text.includes('Building 0.0s (0/1 steps)\n  [build 3/5] RUN make 0.0s'));
  renderer.emit({ kind: 'finished', step: 'a', outcome: 'done' });
  t.true(writer.text.includes('✔ [build 3/5] RUN make 0.0s\n'));
  renderer.end();
  renderer.end();
  t.true(writer.text.endsWith('\u001b[?25h'), JSON.stringify(writer.text.slice(-60)));
});

test('no spinner appears when the build ends before ora is loaded', async (t) => {
  const writer = new RecordingWriter(true, 60, 20);
  const renderer = new TtyRenderer({ writer, clock: () => 0, color: false, logLines: 6, pushed: false });
  renderer.end();
  await import('ora');
  await new Promise((resolve) => setImmediate(resolve));
  t.is(writer.text, '');
});
