import test from 'ava';
import fc from 'fast-check';
import { LineSplitter, maxLineLength } from '../../src/progress/line-splitter.js';

function split(...chunks: readonly (string | Uint8Array)[]): string[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) =>
    splitter.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk),
  );
  return [...lines, ...splitter.end()];
}

const splits = test.macro({
  exec: (t, chunks: readonly string[], lines: readonly string[]) => t.deepEqual(split(...chunks), lines),
  title: (title) => `lines: ${title ?? ''}`,
});
test('end with a line feed', splits, ['a\nb\n'], ['a', 'b']);
test('the last may have no end', splits, ['a\nb'], ['a', 'b']);
test('go on in the next chunk', splits, ['a', 'b\nc'], ['ab', 'c']);
test('empty ones count', splits, ['\n\na\n'], ['', '', 'a']);
test('end with a carriage return too', splits, ['10%\r20%\r\n'], ['10%', '20%']);
test('a line end split across chunks is one', splits, ['a\r', '\nb'], ['a', 'b']);
test('a carriage return, then an empty chunk, then a line feed', splits, ['a\r', '', '\nb'], ['a', 'b']);

test('a character split across chunks is put together', (t) => {
  const text = Buffer.from('é漢🎉\n');
  t.deepEqual(split(...Array.from(text, (byte) => Uint8Array.of(byte))), ['é漢🎉']);
});

test('bytes that are not UTF-8 become U+FFFD, also at the end', (t) => {
  t.deepEqual(split(Uint8Array.of(0x61, 0xff, 0x0a, 0xe6, 0xbc)), ['a\ufffd', '\ufffd']);
});

test('a byte order mark is text', (t) => {
  t.deepEqual(split('\ufeffa\n'), ['\ufeffa']);
});

test('a line without end is given out in pieces: memory stays bounded', (t) => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(100_000, 'x');
  let units = 0;
  for (let round = 0; round < 100; round += 1) {
    for (const line of splitter.push(chunk)) {
      t.true(line.length <= maxLineLength);
      units += line.length;
    }
    t.true((round + 1) * chunk.length - units <= maxLineLength);
  }
});

test('a surrogate pair is not cut when a long line is split', (t) => {
  const lines = split('x'.repeat(maxLineLength - 1) + '🎉'.repeat(3));
  t.deepEqual(lines, ['x'.repeat(maxLineLength - 1), '🎉🎉🎉']);
});

test('law: lines do not depend on how the bytes are cut into chunks', (t) => {
  const unit = fc.constantFrom('a', '\n', '\r', 'é', '🎉', '\t');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), fc.array(fc.nat(6)), (text, cuts) => {
      const bytes = Buffer.from(text);
      const chunks: Uint8Array[] = [];
      let start = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(start, start + cut));
        start += cut;
      }
      chunks.push(bytes.subarray(start));
      t.deepEqual(split(...chunks), split(bytes));
    }),
  );
});
