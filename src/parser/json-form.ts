import { InstructionError } from './instruction-error.js';
import { trimStart } from './white-space.js';

/**
 * The strings of a JSON array that makes up a whole text, or undefined when the text is anything else: then
 * the instruction takes it as a shell line or as words.
 *
 * @throws InstructionError for valid JSON arrays that hold anything but strings
 */
export function parseJsonForm(text: string): readonly string[] | undefined {
  const rest = trimStart(text);
  if (!rest.startsWith('[')) return undefined;
  const value = parse(rest);
  if (!Array.isArray(value)) return undefined;
  if (!value.every((item) => typeof item === 'string')) {
    throw new InstructionError('when using JSON array syntax, arrays must be comprised of strings only', {
      hint: 'put every element into double quotes',
    });
  }
  if (value.some((item) => item.includes('\0'))) {
    throw new InstructionError('an argument cannot hold a NUL character');
  }
  return value.map(wellFormed);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `"\ud800"` alone is no character; Go's decoder puts U+FFFD in its place. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
