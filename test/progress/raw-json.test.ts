import test from 'ava';
import fc from 'fast-check';
import { rendered } from '../helpers/recording-writer.js';

test('one object per event and line, with the time since the start', (t) => {
  const text = rendered('rawjson', [
    { kind: 'declared', step: 'a', name: 'x\ny' },
    1500,
    { kind: 'output', step: 'a', stream: 'stderr', chunk: Uint8Array.of(0xff, 0x0a) },
  ]);
  t.is(
    text,
    '{"time":0,"kind":"declared","step":"a","name":"x\\ny"}\n' +
      '{"time":1.5,"kind":"output","step":"a","stream":"stderr","data":"/wo="}\n',
  );
});

test('law: every line is JSON that gives the bytes back, without control characters', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ unit: 'binary' }), (chunk, name) => {
      const text = rendered('rawjson', [
        { kind: 'declared', step: 'a', name },
        { kind: 'output', step: 'a', stream: 'stdout', chunk },
      ]);
      const lines = text.split('\n');
      t.is(lines.length, 3);
      const [first, second] = lines.slice(0, 2).map((line) => JSON.parse(line) as Record<string, unknown>);
      t.is(first?.['name'], name);
      t.deepEqual(new Uint8Array(Buffer.from(String(second?.['data']), 'base64')), chunk);
      t.notRegex(text.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u);
    }),
  );
});

test('quiet and none write nothing', (t) => {
  for (const kind of ['quiet', 'none'] as const) t.is(rendered(kind, [{ kind: 'started', step: 'a' }]), '');
});
