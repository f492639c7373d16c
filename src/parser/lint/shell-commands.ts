import type { RunInstruction } from '../types.js';
import { runScript } from '../run-script.js';

/** The text that a RUN gives to a shell; an argument vector is joined with blanks. */
export function commandText(instruction: RunInstruction): string {
  const script = runScript(instruction);
  return script.kind === 'exec' ? script.argv.join(' ') : script.text;
}

/**
 * The simple commands of a shell text, split at `;`, `&&`, `||`, `|`, `&` and line ends, each as its words. Quotes
 * are not understood: good enough to recognise plain commands, and a quoted separator only makes more of them.
 */
export function simpleCommands(text: string): string[][] {
  return text
    .replaceAll(/\\\n/g, ' ')
    .split(/&&|\|\||[;&|\n]/)
    .map((command) => command.split(/[\s(){}]+/).filter((word) => word !== ''))
    .filter((words) => words.length > 0 && words[0]?.startsWith('#') !== true);
}
