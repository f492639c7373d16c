import test from 'ava';
import fc from 'fast-check';
import type { BuildEvent } from '../../src/progress/event.js';
import { maskSecrets } from '../../src/progress/mask-secrets.js';

function masked(secrets: readonly string[], chunks: readonly Uint8Array[]): string {
  let text = '';
  const values = secrets.map((secret) => Buffer.from(secret));
  const emit = maskSecrets(
    () => values,
    (event) => {
      if (event.kind === 'output') text += Buffer.from(event.chunk).toString('latin1');
    },
  );
  for (const chunk of chunks) emit({ kind: 'output', step: 'a', stream: 'stdout', chunk });
  emit({ kind: 'finished', step: 'a', outcome: 'done' });
  return text;
}

const masks = test.macro({
  exec: (t, secrets: readonly string[], chunks: readonly string[], wanted: string) =>
    t.is(
      masked(
        secrets,
        chunks.map((chunk) => Buffer.from(chunk)),
      ),
      wanted,
    ),
  title: (title) => `secrets: ${title ?? ''}`,
});
test('a value is masked each time', masks, ['hunter2'], ['a hunter2 b hunter2\n'], 'a *** b ***\n');
test('a value split across chunks', masks, ['hunter2'], ['a hun', 'ter', '2 b'], 'a *** b');
test('what only begins like a value comes out', masks, ['hunter2'], ['a hunt', 'ing'], 'a hunting');
test('what only begins like a value comes out when the step ends', masks, ['hunter2'], ['a hunt'], 'a hunt');
test('a line end at the end of a value does not count', masks, ['hunter2\n'], ['hunter2!'], '***!');
test('a value within another', masks, ['pass', 'password'], ['password pass'], '*** ***');
test('a value that turns out to be a longer one', masks, ['pass', 'password'], ['a pass', 'word'], 'a ***');
test('a value that could have been a longer one', masks, ['pass', 'password'], ['a pass', 'ing'], 'a ***ing');
test('… also when the step ends there', masks, ['pass', 'password'], ['a pass'], 'a ***');
test('a short value is left alone', masks, ['abc'], ['abc'], 'abc');

test('law: a secret is never printed, however its bytes are cut, and the rest is kept', (t) => {
  const cuts = fc.array(fc.nat(5));
  fc.assert(
    fc.property(fc.array(fc.constantFrom('s3cret', 's3', 's3c', 'x', 'ret')), cuts, (words, sizes) => {
      const data = Buffer.from(words.join(''));
      const chunks: Buffer[] = [];
      let start = 0;
      for (const size of sizes) {
        chunks.push(data.subarray(start, start + size));
        start += size;
      }
      chunks.push(data.subarray(start));
      t.is(masked(['s3cret'], chunks), data.toString().replaceAll('s3cret', '***'));
    }),
  );
});

test('streams and steps are apart, and messages are masked too', (t) => {
  const seen: BuildEvent[] = [];
  const emit = maskSecrets(
    () => [Buffer.from('hunter2')],
    (event) => void seen.push(event),
  );
  emit({ kind: 'output', step: 'a', stream: 'stdout', chunk: Buffer.from('hunt') });
  emit({ kind: 'output', step: 'a', stream: 'stderr', chunk: Buffer.from('er2\n') });
  emit({ kind: 'output', step: 'b', stream: 'stdout', chunk: Buffer.from('er2\n') });
  emit({ kind: 'finished', step: 'a', outcome: 'failed', error: 'curl -u hunter2' });
  const texts = seen.map((event) => (event.kind === 'output' ? Buffer.from(event.chunk).toString() : event));
  t.deepEqual(texts, [
    'er2\n',
    'er2\n',
    'hunt',
    { kind: 'finished', step: 'a', outcome: 'failed', error: 'curl -u ***' },
  ]);
});
