import { finding, type Rule } from './rule.js';

const once = new Set(['CMD', 'ENTRYPOINT', 'HEALTHCHECK']);

/** Of CMD, ENTRYPOINT and HEALTHCHECK an image has one each. */
export const multipleInstructionsDisallowed: Rule = {
  name: 'MultipleInstructionsDisallowed',
  description: 'Multiple instructions of the same type should not be used in the same stage',
  *check({ stages }) {
    for (const { instructions } of stages) {
      const seen = new Set<string>();
      // Only the last one counts, so the earlier ones are pointed at.
      for (const instruction of instructions.toReversed()) {
        if (!once.has(instruction.kind)) continue;
        if (seen.has(instruction.kind)) {
          yield finding(
            instruction,
            `Multiple ${instruction.kind} instructions should not be used in the same stage because only the last one will be used`,
          );
        }
        seen.add(instruction.kind);
      }
    }
  },
};
