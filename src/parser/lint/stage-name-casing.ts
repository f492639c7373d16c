import { cutBlanks, splitBlanks } from '../white-space.js';
import type { FromInstruction } from '../types.js';
import { finding, type Rule } from './rule.js';

/** Stage names are compared without case, so capitals only mislead. */
export const stageNameCasing: Rule = {
  name: 'StageNameCasing',
  description: 'Stage names should be lowercase',
  *check({ stages }) {
    for (const { from } of stages) {
      const { name } = nameAndAs(from);
      if (name !== undefined && name !== name.toLowerCase()) {
        yield finding(from, `Stage name '${name}' should be lowercase`);
      }
    }
  },
};

/** The words `AS` and the stage's name as written. */
export function nameAndAs({ text, as }: FromInstruction): { readonly name?: string; readonly as?: string } {
  if (as === undefined) return {};
  const words = splitBlanks(cutBlanks(text).rest ?? '');
  const [keyword, name] = words.slice(-2);
  return name === undefined || keyword === undefined ? {} : { name, as: keyword };
}
