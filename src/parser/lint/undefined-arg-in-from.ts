import { nearest } from '../suggest.js';
import { automaticArgs, globalDefaults, tryExpand } from './global-scope.js';
import { finding, type Finding, type Rule } from './rule.js';

/** FROM sees only arguments declared before the first FROM: those of stages do not count. */
export const undefinedArgInFrom: Rule = {
  name: 'UndefinedArgInFrom',
  description: 'FROM command must use declared ARGs',
  *check(dockerfile) {
    const known = [...globalDefaults(dockerfile).keys(), ...automaticArgs];
    for (const { from } of dockerfile.stages) {
      const findings: Finding[] = [];
      const scope = {
        get: (name: string) => (known.includes(name) ? 'x' : undefined),
        onUndefined: (name: string) => {
          const meant = nearest(name, known);
          const suggestion = meant === undefined ? '' : ` (did you mean ${meant}?)`;
          findings.push(finding(from, `FROM argument '${name}' is not declared${suggestion}`));
        },
      };
      for (const word of [from.image, from.platform ?? ''])
        tryExpand(word, scope, dockerfile.directives.escape);
      yield* findings;
    }
  },
};
