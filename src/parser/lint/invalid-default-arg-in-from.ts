import { parseReference } from '../../oci/reference.js';
import { TsbuildError } from '../../util/errors.js';
import { automaticArgs, globalDefaults, tryExpand } from './global-scope.js';
import { finding, type Rule } from './rule.js';

/** Such a file builds only with the right `--build-arg`, and tools that read it cannot tell its base. */
export const invalidDefaultArgInFrom: Rule = {
  name: 'InvalidDefaultArgInFrom',
  description: 'Default value for global ARG results in an empty or invalid base image name',
  *check(dockerfile) {
    const defaults = globalDefaults(dockerfile);
    for (const { from } of dockerfile.stages) {
      const used = new Set<string>();
      const get = (name: string): string | undefined => {
        if (defaults.has(name)) used.add(name);
        return defaults.get(name) ?? (automaticArgs.includes(name) ? 'x' : undefined);
      };
      const image = tryExpand(from.image, { get }, dockerfile.directives.escape);
      if (used.size === 0) continue;
      if (image === undefined || isReference(image)) continue;
      yield finding(
        from,
        `Default value for ARG ${from.image} results in empty or invalid base image name`,
        `give ${[...used].join(', ')} a default that makes a base image name`,
      );
    }
  },
};

function isReference(image: string): boolean {
  try {
    parseReference(image);
    return true;
  } catch (error) {
    if (error instanceof TsbuildError) return false;
    throw error;
  }
}
