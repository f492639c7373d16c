import { parseKeyValues } from '../instructions/key-values.js';
import { lexInstruction } from '../instructions/raw.js';
import { finding, instructionsOf, type Rule } from './rule.js';

/** `ENV a b=c` sets a to "b=c", which is rarely meant. */
export const legacyKeyValueFormat: Rule = {
  name: 'LegacyKeyValueFormat',
  description: 'Legacy key/value format with whitespace separator should not be used',
  *check(dockerfile) {
    const { escape } = dockerfile.directives;
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'ENV' && instruction.kind !== 'LABEL') continue;
      const { args } = lexInstruction(instruction.text, escape);
      if (parseKeyValues(args, { keyword: instruction.kind, escape }).legacy) {
        yield finding(
          instruction,
          `"${instruction.kind} key=value" should be used instead of legacy "${instruction.kind} key value" format`,
        );
      }
    }
  },
};
