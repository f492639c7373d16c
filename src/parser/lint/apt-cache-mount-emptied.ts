import type { RunInstruction, Stage } from '../types.js';
import { finding, parentStages, type Rule } from './rule.js';
import { commandText, simpleCommands } from './shell-commands.js';

/** What images of Debian and Ubuntu are told with, so that apt keeps what it downloads. */
const keeps = /docker-clean|Keep-Downloaded-Packages|keep-cache/;

/**
 * Ours: `/etc/apt/apt.conf.d/docker-clean` of the Debian and Ubuntu images deletes packages after each install,
 * from a cache mount too.
 */
export const aptCacheMountEmptied: Rule = {
  name: 'AptCacheMountEmptied',
  description: 'A cache mount for apt stays empty while docker-clean is there',
  *check(dockerfile) {
    const parents = parentStages(dockerfile);
    const kept = new Set<Stage>();
    for (const stage of dockerfile.stages) {
      const parent = parents.get(stage);
      if (parent !== undefined && kept.has(parent)) kept.add(stage);
      for (const instruction of stage.instructions) {
        if (instruction.kind === 'COPY' || instruction.kind === 'ADD') {
          // A file for apt's own configuration may say the same.
          if (/apt|\s\/(?:etc\/?)?$/.test(instruction.text)) kept.add(stage);
        }
        if (instruction.kind !== 'RUN') continue;
        if (keeps.test(commandText(instruction))) kept.add(stage);
        if (kept.has(stage) || !cachesPackages(instruction) || !installs(instruction)) continue;
        yield finding(
          instruction,
          'The packages in this cache mount are deleted by /etc/apt/apt.conf.d/docker-clean of the base image',
          'remove that file in the same RUN before apt-get runs',
        );
      }
    }
  },
};

function cachesPackages({ mounts }: RunInstruction): boolean {
  return mounts.some(
    ({ type, options }) =>
      type === 'cache' &&
      options.some(([key, value]) => key === 'target' && value.startsWith('/var/cache/apt')),
  );
}

function installs(instruction: RunInstruction): boolean {
  return simpleCommands(commandText(instruction)).some(
    (words) => words.some((word) => word === 'apt-get' || word === 'apt') && words.includes('install'),
  );
}
