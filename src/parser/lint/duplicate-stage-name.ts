import { finding, type Rule } from './rule.js';

/** FROM takes the nearest earlier stage of a name but `COPY --from` the last one in the file. */
export const duplicateStageName: Rule = {
  name: 'DuplicateStageName',
  description: 'Stage names should be unique',
  *check({ stages }) {
    const seen = new Set<string>();
    for (const { from } of stages) {
      if (from.as === undefined) continue;
      if (seen.has(from.as))
        yield finding(from, `Duplicate stage name ${JSON.stringify(from.as)}, stage names should be unique`);
      seen.add(from.as);
    }
  },
};
