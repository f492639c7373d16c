/**
 * A Program is a list of system calls with their data, as a value. Pure: it is built, compared and encoded without
 * touching the machine; player.ts plays it.
 */
import { memoryBase, memorySize, type Arch } from './player-elf.js';
import { syscallNumber, type SyscallName } from './syscalls.js';

/** A named piece of zeroed memory: its address, or the 64-bit value that stands there when the call is made. */
export interface Slot {
  readonly slot: string;
  /** Bytes from the start of the slot. */
  readonly offset?: number;
  readonly as: 'address' | 'value';
}

/** Pointer to a list of 64-bit words: argv, or any C structure of such words. */
export interface Words {
  readonly words: readonly Exclude<Argument, Words>[];
}

/** A number is passed as it is; a byte string as the address of its bytes and a NUL; bytes as their address. */
export type Argument = number | bigint | string | Uint8Array | Slot | Words;

export interface Operation {
  readonly call: SyscallName;
  readonly args: readonly Argument[];
  /** The errno that is no failure, or `any`. */
  readonly tolerate?: 'any' | number;
  /** Operations left out after a tolerated failure: 0 to 15. */
  readonly skip?: number;
  /** The call forks: the child goes on, the parent reaps until it ends and exits with its status. */
  readonly fork?: true;
  /** A result of 0 (end of file) is a failure. */
  readonly nonzero?: true;
  /** After a success the player waits for the next program on fd 3 and plays that. */
  readonly next?: true;
  /** Where the result is stored: 8 bytes, a negative errno after a tolerated failure. */
  readonly result?: { readonly slot: string; readonly offset?: number };
  /** What the call is for, in messages: `mount /proc`. */
  readonly label?: string;
}

export interface Program {
  readonly operations: readonly Operation[];
  /** Sizes of the slots in bytes, in the order in which they stand in memory. Results not named here get 8 bytes. */
  readonly slots?: Readonly<Record<string, number>>;
}

/** Address of a slot. */
export function addressOf(slot: string, offset = 0): Slot {
  return { slot, offset, as: 'address' };
}

/** What a slot holds when the call is made. */
export function valueOf(slot: string, offset = 0): Slot {
  return { slot, offset, as: 'value' };
}

/** Leaves out the next operations, whatever happened: closing nothing always fails. */
export function jump(over: number): Operation {
  return { call: 'close', args: [-1], tolerate: 'any', skip: over };
}

const operationSize = 64;
const lengthSize = 8;
/** Where the slots of a program begin that another one follows: no program reaches so far. */
const keptSlots = memoryBase + memorySize - (1 << 20);

/**
 * The bytes that the player reads from fd 3. In a program that follows on `before`, by `next`, slots of the same name
 * hold what they held there. Throws RangeError when the program is too big for its memory.
 */
export function encodeProgram(program: Program, arch: Arch, before?: Program): Buffer {
  const { operations } = program;
  const data = new Data(memoryBase + lengthSize + operations.length * operationSize);
  const patches: Patch[] = [];
  const head = Buffer.alloc(lengthSize + operations.length * operationSize);
  operations.forEach((operation, index) => {
    encodeOperation(operation, { head, at: lengthSize + index * operationSize, arch, data, patches });
  });
  const slots =
    before === undefined ? ownSlots(program, data.end) : addSlots(program, keptAfter(before, data));
  const body = data.bytes();
  for (const { target, at, slot, offset } of patches) {
    const address = (slots.get(slot) ?? fail(`unknown slot ${slot}`)) + offset;
    if (target === 'result') head.writeUInt32LE(address, at);
    else writeWord(target === 'head' ? head : body, at, address);
  }
  head.writeBigUInt64LE(BigInt(head.length - lengthSize + body.length));
  return Buffer.concat([head, body]);
}

/** A place that waits for the address of a slot. */
interface Patch {
  readonly target: 'head' | 'body' | 'result';
  readonly at: number;
  readonly slot: string;
  readonly offset: number;
}

interface Encoding {
  readonly head: Buffer;
  readonly at: number;
  readonly arch: Arch;
  readonly data: Data;
  readonly patches: Patch[];
}

function encodeOperation(operation: Operation, encoding: Encoding): void {
  const { head, at, patches } = encoding;
  head.writeUInt32LE(syscallNumber(operation.call, encoding.arch), at);
  let control = controlBits(operation);
  operation.args.forEach((argument, index) => {
    if (isSlot(argument) && argument.as === 'value') control |= 1 << (index + 1);
    encodeArgument(argument, at + 8 + index * 8, encoding);
  });
  head.writeUInt32LE(control >>> 0, at + 56);
  if (operation.result) {
    patches.push({
      target: 'result',
      at: at + 60,
      slot: operation.result.slot,
      offset: operation.result.offset ?? 0,
    });
  }
}

function controlBits(operation: Operation): number {
  const { tolerate, skip = 0, fork, nonzero, next } = operation;
  const only = typeof tolerate === 'number' ? tolerate : 0;
  return (
    (tolerate === undefined ? 0 : 1) |
    (fork ? 0x80 : 0) |
    (nonzero ? 0x100 : 0) |
    (next ? 0x200 : 0) |
    (only << 16) |
    (skip << 28)
  );
}

function encodeArgument(argument: Argument, at: number, { head, data, patches }: Encoding): void {
  if (typeof argument === 'number' || typeof argument === 'bigint') return writeWord(head, at, argument);
  if (typeof argument === 'string' || argument instanceof Uint8Array)
    return writeWord(head, at, data.add(argument));
  if (isSlot(argument)) {
    patches.push({ target: 'head', at, slot: argument.slot, offset: argument.offset ?? 0 });
    return;
  }
  writeWord(head, at, encodeWords(argument, data, patches));
}

function encodeWords({ words }: Words, data: Data, patches: Patch[]): number {
  const bytes = Buffer.alloc(words.length * 8);
  const waiting: { slot: Slot; at: number }[] = [];
  words.forEach((word, index) => {
    if (isSlot(word)) waiting.push({ slot: word, at: index * 8 });
    else
      writeWord(
        bytes,
        index * 8,
        typeof word === 'number' || typeof word === 'bigint' ? word : data.add(word),
      );
  });
  const address = data.add(bytes);
  for (const { slot, at } of waiting) {
    if (slot.as === 'value') fail(`slot ${slot.slot} as a value inside words`);
    patches.push({
      target: 'body',
      at: address - data.start + at,
      slot: slot.slot,
      offset: slot.offset ?? 0,
    });
  }
  return address;
}

/** Addresses of slots; the entry without a name is the end of them all. */
type Slots = Map<string, number>;
const endOfSlots = '';

function ownSlots(program: Program, end: number): Slots {
  const isFollowed = program.operations.some(({ next }) => next);
  return addSlots(program, new Map([[endOfSlots, isFollowed ? keptSlots : end]]));
}

function keptAfter(before: Program, data: Data): Slots {
  checkSize(data.end, keptSlots);
  return ownSlots(before, keptSlots);
}

/** Adds the slots of a program that are not there yet. */
function addSlots(program: Program, slots: Slots): Slots {
  const sizes = new Map(Object.entries(program.slots ?? {}));
  for (const { result } of program.operations)
    if (result && !sizes.has(result.slot)) sizes.set(result.slot, 8);
  let end = slots.get(endOfSlots) ?? memoryBase;
  for (const [name, size] of sizes) {
    if (slots.has(name)) continue;
    slots.set(name, end);
    end = aligned(end + size);
  }
  checkSize(end, memoryBase + memorySize);
  return slots.set(endOfSlots, end);
}

function checkSize(end: number, limit: number): void {
  if (end > limit) throw new RangeError(`a program of ${end - memoryBase} bytes`);
}

/** The data behind the operations, each piece at a multiple of 8. Equal strings, and the same bytes, stand there once. */
class Data {
  #pieces: Uint8Array[] = [];
  #known = new Map<string | Uint8Array, number>();
  end: number;

  constructor(readonly start: number) {
    this.end = start;
  }

  add(value: string | Uint8Array): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    if (typeof value === 'string' && value.includes('\0')) fail('a NUL inside a string');
    const address = this.#append(typeof value === 'string' ? Buffer.from(`${value}\0`, 'latin1') : value);
    this.#known.set(value, address);
    return address;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #append(bytes: Uint8Array): number {
    const address = this.end;
    this.end = aligned(address + bytes.length);
    this.#pieces.push(bytes, Buffer.alloc(this.end - address - bytes.length));
    return address;
  }
}

function isSlot(argument: Argument): argument is Slot {
  return typeof argument === 'object' && 'slot' in argument;
}

function writeWord(buffer: Buffer, at: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    buffer.writeBigUInt64LE(BigInt.asUintN(64, value), at);
    return;
  }
  buffer.writeUInt32LE(value >>> 0, at);
  buffer.writeInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

function aligned(address: number): number {
  return Math.ceil(address / 8) * 8;
}

function fail(message: string): never {
  throw new RangeError(message);
}
