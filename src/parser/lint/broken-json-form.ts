import type { Command, Instruction } from '../types.js';
import { finding, instructionsOf, type Rule } from './rule.js';

/** Ours: BuildKit silently runs such a line in a shell. */
export const brokenJsonForm: Rule = {
  name: 'BrokenJSONForm',
  description: 'A command that begins like a JSON array but is none runs in a shell',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      const command = commandOf(instruction);
      if (command?.form === 'shell' && looksQuoted(command.text)) {
        yield finding(
          instruction,
          `The arguments of ${instruction.kind} look like a JSON array but are none, so they run in a shell`,
          'use double quotes and no trailing comma',
        );
      }
    }
  },
};

/** `[ -f x ]` and `[ "$a" = b ]` are test commands, not failed arrays. */
function looksQuoted(text: string): boolean {
  return /^\[(?:["'\]]|\s*"[^"]*"\s*,|\s*'[^']*'\s*,)/.test(text);
}

function commandOf(instruction: Instruction): Command | undefined {
  switch (instruction.kind) {
    case 'RUN':
    case 'CMD':
    case 'ENTRYPOINT':
      return instruction.command;
    case 'HEALTHCHECK':
      return instruction.test === 'NONE' ? undefined : instruction.test;
    default:
      return undefined;
  }
}
