import type { Instruction } from '../../parser/types.js';

/** The description of a stage or argument: the comment line above it that begins with its name, without that. */
export function descriptionOf({ comments }: Instruction, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const prefix = `${name.toLowerCase()} `;
  return comments
    .find((line) => line.toLowerCase().startsWith(prefix))
    ?.slice(prefix.length)
    .trim();
}
