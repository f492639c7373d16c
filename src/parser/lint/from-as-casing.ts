import { finding, keywordOf, type Rule } from './rule.js';
import { nameAndAs } from './stage-name-casing.js';

/** `FROM a as b` and `from a AS b` work but read badly. */
export const fromAsCasing: Rule = {
  name: 'FromAsCasing',
  description: "The 'as' keyword should match the case of the 'from' keyword",
  *check({ stages }) {
    for (const { from } of stages) {
      const { as } = nameAndAs(from);
      const keyword = keywordOf(from);
      if (as !== undefined && isUpper(as) !== isUpper(keyword)) {
        yield finding(from, `'${as}' and '${keyword}' keywords' casing do not match`);
      }
    }
  },
};

function isUpper(word: string): boolean {
  return word === word.toUpperCase();
}
