/** A classic BPF program for seccomp (linux/filter.h), written with labels. Pure. */

/** Jumps go forward only: to the label of an instruction further down, or to the next one when it is undefined. */
export type Instruction =
  /** Loads the 32-bit word at this offset of struct seccomp_data. */
  | { readonly op: 'load'; readonly offset: number; readonly label?: string }
  | { readonly op: 'and'; readonly mask: number; readonly label?: string }
  | {
      readonly op: 'equal' | 'greater' | 'greaterOrEqual';
      readonly value: number;
      readonly yes?: string;
      readonly no?: string;
      readonly label?: string;
    }
  | { readonly op: 'jump'; readonly to: string; readonly label?: string }
  | { readonly op: 'return'; readonly value: number; readonly label?: string };

const codes = {
  load: 0x20,
  and: 0x54,
  equal: 0x15,
  greater: 0x25,
  greaterOrEqual: 0x35,
  jump: 0x05,
  return: 0x06,
};
const instructionSize = 8;

/** The array of struct sock_filter. Throws RangeError for a label that is absent, behind or too far away. */
export function assembleFilter(instructions: readonly Instruction[]): Uint8Array {
  const places = new Map<string, number>();
  instructions.forEach(({ label }, index) => {
    if (label !== undefined) places.set(label, index);
  });
  const bytes = Buffer.alloc(instructions.length * instructionSize);
  instructions.forEach((instruction, index) => {
    const distance = (label: string | undefined, limit: number): number => {
      const place = label === undefined ? index + 1 : places.get(label);
      const result = place === undefined ? -1 : place - index - 1;
      if (result < 0 || result > limit) throw new RangeError(`jump from ${index} to ${label}`);
      return result;
    };
    bytes.writeUInt16LE(codes[instruction.op], index * instructionSize);
    encode(instruction, distance, bytes.subarray(index * instructionSize));
  });
  return bytes;
}

const nearest = 0xff;
const farthest = 0xffffffff;

function encode(
  instruction: Instruction,
  distance: (to: string | undefined, limit: number) => number,
  at: Buffer,
): void {
  switch (instruction.op) {
    case 'load':
      at.writeUInt32LE(instruction.offset, 4);
      break;
    case 'and':
      at.writeUInt32LE(instruction.mask >>> 0, 4);
      break;
    case 'jump':
      at.writeUInt32LE(distance(instruction.to, farthest), 4);
      break;
    case 'return':
      at.writeUInt32LE(instruction.value >>> 0, 4);
      break;
    case 'equal':
    case 'greater':
    case 'greaterOrEqual':
      at.writeUInt8(distance(instruction.yes, nearest), 2);
      at.writeUInt8(distance(instruction.no, nearest), 3);
      at.writeUInt32LE(instruction.value >>> 0, 4);
  }
}
