import { finding, instructionsOf, type Rule } from './rule.js';

const secret = /(?:^|_)(?:apikey|auth|credentials?|key|passwd|password|pword|secret|token)(?:_|$)/i;
const harmless = /(?:^|_)public(?:_|$)/i;

/** Values of ENV stay in the image, values of ARG in its history: judged by the variable's name alone. */
export const secretsUsedInArgOrEnv: Rule = {
  name: 'SecretsUsedInArgOrEnv',
  description: 'Sensitive data should not be used in the ARG or ENV commands',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'ARG' && instruction.kind !== 'ENV') continue;
      const names =
        instruction.kind === 'ARG'
          ? instruction.args.map(({ name }) => name)
          : instruction.pairs.map(({ key }) => key.replaceAll(/["'\\]/g, ''));
      for (const name of names) {
        if (secret.test(name) && !harmless.test(name)) {
          yield finding(
            instruction,
            `Do not use ARG or ENV instructions for sensitive data (${instruction.kind} ${JSON.stringify(name)})`,
            'use RUN --mount=type=secret',
          );
        }
      }
    }
  },
};
