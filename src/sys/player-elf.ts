/**
 * The *syscall player*: a static program of a few hundred bytes that reads a Program from fd 3 and makes its system
 * calls one after the other. It has no libc, so it can enter namespaces (it has one thread), and it needs nothing of
 * the host but the kernel.
 *
 * Memory: code at 0x400000, read and execute; 64 MiB of zeroes at `memoryBase`, read and write. Program: a 64-bit
 * length, then as many bytes, which begin with operations of eight 64-bit words: number, six arguments, control.
 *
 * Control word, from bit 0: 0 the call may fail · 1 to 6 argument 0 to 5 is the address of the value · 7 fork: the
 * parent reaps until this child ends and exits with its status · 8 a result of 0 is a failure · 9 after a success the
 * next program is read from fd 3, over this one, and played · 16 to 27 the only
 * errno that is tolerated (0: any) · 28 to 31 operations left out after a tolerated failure · 32 to 63 address where
 * the result is stored (0: nowhere).
 *
 * Reports go to fd 4 as two 64-bit words: (index of the operation, errno) before it exits with 125, and
 * (-1, wait status) from a parent.
 */
import { codeArm64 } from './player-arm64.js';
import { codeX8664 } from './player-x86-64.js';

/** Architectures that the player exists for, as Node names them (`process.arch`). */
export type Arch = 'x64' | 'arm64';

/** Address of the first byte of a program. */
export const memoryBase = 0x10000000;
/** Bytes of memory for a program and its slots. */
export const memorySize = 64 << 20;

const codeBase = 0x400000;
const headerSize = 64 + 3 * 56;
const machines: Readonly<Record<Arch, { readonly machine: number; readonly code: string }>> = {
  x64: { machine: 62, code: codeX8664 },
  arm64: { machine: 183, code: codeArm64 },
};

/** The whole ELF file (System V ABI, gABI 4.1) of the player. */
export function playerElf(arch: Arch): Buffer {
  const { machine, code } = machines[arch];
  const text = Buffer.from(code, 'hex');
  const size = headerSize + text.length;
  const header = Buffer.alloc(headerSize);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(codeBase + headerSize), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(3, 56);
  const readable = 4;
  writeSegment(header, 0, {
    type: 1,
    flags: readable | 1,
    address: codeBase,
    fileSize: size,
    memorySize: size,
  });
  writeSegment(header, 1, { type: 1, flags: readable | 2, address: memoryBase, fileSize: 0, memorySize });
  writeSegment(header, 2, { type: 0x6474e551, flags: readable | 2, address: 0, fileSize: 0, memorySize: 0 }); // no executable stack
  return Buffer.concat([header, text]);
}

/** Where the player's own file is mapped, so that a program can copy it (`size` bytes from `address`). */
export function playerImage(arch: Arch): { readonly address: number; readonly size: number } {
  return { address: codeBase, size: playerElf(arch).length };
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

function writeSegment(header: Buffer, index: number, segment: Segment): void {
  const at = 64 + index * 56;
  header.writeUInt32LE(segment.type, at);
  header.writeUInt32LE(segment.flags, at + 4);
  header.writeBigUInt64LE(0n, at + 8);
  header.writeBigUInt64LE(BigInt(segment.address), at + 16);
  header.writeBigUInt64LE(BigInt(segment.address), at + 24);
  header.writeBigUInt64LE(BigInt(segment.fileSize), at + 32);
  header.writeBigUInt64LE(BigInt(segment.memorySize), at + 40);
  header.writeBigUInt64LE(0x10000n, at + 48); // pages of 64 KiB exist on arm64
}
