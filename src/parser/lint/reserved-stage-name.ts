import { finding, type Rule } from './rule.js';

const reserved = new Set(['scratch', 'context']);

/** `FROM scratch` and `--from=context` mean something else than a stage. */
export const reservedStageName: Rule = {
  name: 'ReservedStageName',
  description: 'Reserved words should not be used as stage names',
  *check({ stages }) {
    for (const { from } of stages) {
      if (from.as !== undefined && reserved.has(from.as)) {
        yield finding(
          from,
          `Stage name should not use the same name as reserved stage ${JSON.stringify(from.as)}`,
        );
      }
    }
  },
};
