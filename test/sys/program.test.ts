import test from 'ava';
import { play, PlayerError } from '../../src/sys/player.js';
import { addressOf, encodeProgram, valueOf, type Program } from '../../src/sys/program.js';

/** Eight words per operation, without what follows. */
function words(bytes: Buffer, operations: number): bigint[][] {
  return Array.from({ length: operations }, (_, index) => {
    return Array.from({ length: 8 }, (__, word) => bytes.readBigUInt64LE(8 + index * 64 + word * 8));
  });
}

const base = 0x10000000n;

test('numbers, strings and bytes: the latter stand behind the operations, equal strings once', (t) => {
  const program: Program = {
    operations: [
      { call: 'write', args: [1, 'ab', -1] },
      { call: 'write', args: ['ab', Uint8Array.of(7, 8), 2n ** 63n] },
    ],
  };
  const bytes = encodeProgram(program, 'x64');
  const data = base + 8n + 2n * 64n;
  t.deepEqual(words(bytes, 2), [
    [1n, 1n, data, 2n ** 64n - 1n, 0n, 0n, 0n, 0n],
    [1n, data, data + 8n, 2n ** 63n, 0n, 0n, 0n, 0n],
  ]);
  t.is(bytes.subarray(8 + 128).toString('latin1'), 'ab\0\0\0\0\0\0\x07\x08\0\0\0\0\0\0');
  t.is(bytes.readBigUInt64LE(0), BigInt(bytes.length - 8));
});

test('control words: tolerance, skip, fork, nonzero, indirect arguments, result', (t) => {
  const program: Program = {
    operations: [
      { call: 'close', args: [0], tolerate: 'any' },
      { call: 'close', args: [0], tolerate: 9, skip: 15 },
      { call: 'clone', args: [0], fork: true, nonzero: true },
      { call: 'close', args: [0, valueOf('a'), addressOf('a', 4)], result: { slot: 'a' } },
    ],
  };
  const control = words(encodeProgram(program, 'x64'), 4).map((operation) => operation[7]);
  const slot = base + 8n + 4n * 64n;
  t.deepEqual(control, [1n, 1n | (9n << 16n) | (15n << 28n), 0x180n, 0b100n | (slot << 32n)]);
});

test('slots stand behind the data in their order and are not sent', (t) => {
  const program: Program = {
    operations: [
      {
        call: 'read',
        args: [addressOf('second'), addressOf('first', 1), addressOf('late')],
        result: { slot: 'late' },
      },
    ],
    slots: { first: 100, second: 1 },
  };
  const bytes = encodeProgram(program, 'x64');
  const start = base + 8n + 64n;
  t.is(bytes.length, 72);
  t.deepEqual(words(bytes, 1)[0]?.slice(1, 4), [start + 104n, start + 1n, start + 112n]);
});

test('words point to a list that may hold pointers', (t) => {
  const program: Program = {
    operations: [{ call: 'execve', args: [{ words: ['x', addressOf('s'), 0] }] }],
    slots: { s: 8 },
  };
  const bytes = encodeProgram(program, 'x64');
  const data = base + 8n + 64n;
  t.is(words(bytes, 1)[0]?.[1], data + 8n);
  t.is(bytes.readBigUInt64LE(72 + 8), data);
  t.is(bytes.readBigUInt64LE(72 + 16), data + 32n);
});

test('architectures differ in numbers only', (t) => {
  const program: Program = { operations: [{ call: 'exit_group', args: [3] }] };
  t.is(words(encodeProgram(program, 'x64'), 1)[0]?.[0], 231n);
  t.is(words(encodeProgram(program, 'arm64'), 1)[0]?.[0], 94n);
});

test('a NUL inside a string, an unknown slot and too much memory are errors', (t) => {
  const exit = (argument: Program['operations'][number]['args'][number]): Program => ({
    operations: [{ call: 'exit_group', args: [argument] }],
  });
  t.throws(() => encodeProgram(exit('a\0b'), 'x64'), { instanceOf: RangeError });
  t.throws(() => encodeProgram(exit(addressOf('absent')), 'x64'), { instanceOf: RangeError });
  t.throws(() => encodeProgram({ ...exit(0), slots: { huge: 2 ** 27 } }, 'x64'), { instanceOf: RangeError });
});

test('what a program writes to fd 1 comes back', async (t) => {
  const output = await play({
    operations: [
      { call: 'write', args: [1, 'hello', 5] },
      { call: 'exit_group', args: [0] },
    ],
  });
  t.is(output.toString(), 'hello');
});

test('a refused call is an error with label, place and errno', async (t) => {
  const program: Program = { operations: [{ call: 'chdir', args: ['/absent'], label: 'enter' }] };
  const error = await t.throwsAsync(play(program), { instanceOf: PlayerError });
  t.deepEqual([error.message, error.code, error.index, error.errno], ['enter: ENOENT', 'ENOENT', 0, 2]);
});

test('an abort kills a program that waits', async (t) => {
  const controller = new AbortController();
  const waiting = play(
    { operations: [{ call: 'read', args: [3, addressOf('b'), 1] }], slots: { b: 8 } },
    { signal: controller.signal },
  );
  setImmediate(() => controller.abort(new Error('enough')));
  await t.throwsAsync(waiting, { message: 'enough' });
});

test('a program has no environment', async (t) => {
  const program: Program = {
    operations: [
      { call: 'openat', args: [-100, '/proc/self/environ', 0], result: { slot: 'file' } },
      { call: 'read', args: [valueOf('file'), addressOf('text'), 4096], result: { slot: 'size' } },
      { call: 'write', args: [1, addressOf('text'), valueOf('size')] },
      { call: 'exit_group', args: [0] },
    ],
    slots: { text: 4096 },
  };
  t.is((await play(program)).toString(), '');
});
