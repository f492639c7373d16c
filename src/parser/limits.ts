import { InstructionError } from './instruction-error.js';
import type { PhysicalLine } from './physical-lines.js';

/** Longest Dockerfile, and so longest line, in UTF-16 units. */
export const maxDockerfileLength = 1024 * 1024;

/** The first reason why a file is not read at all, with the index of the guilty line. */
export function checkSize(
  text: string,
  lines: readonly PhysicalLine[],
): { readonly line: number; readonly error: InstructionError } | undefined {
  if (text.length > maxDockerfileLength) {
    return {
      line: 0,
      error: new InstructionError(`the Dockerfile is larger than ${maxDockerfileLength} characters`),
    };
  }
  const line = lines.findIndex((each) => each.text.includes('\0'));
  if (line < 0) return undefined;
  return {
    line,
    error: new InstructionError('the Dockerfile contains a NUL character', { hint: 'is it a text file?' }),
  };
}
