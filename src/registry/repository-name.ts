import type { Reference } from '../oci/reference.js';
import type { Repository } from './types.js';

/** `registry/repository`: the name in messages and keys. */
export function repositoryName({ registry, repository }: Repository): string {
  return `${registry}/${repository}`;
}

/** References by their repositories, in the order of the first mention of each. */
export function byRepository(
  references: readonly Reference[],
): readonly (readonly [where: Repository, references: readonly Reference[]])[] {
  const groups = new Map<string, [Repository, Reference[]]>();
  for (const reference of references) {
    const { registry, repository } = reference;
    const key = repositoryName(reference);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [{ registry, repository }, [reference]]);
    else group[1].push(reference);
  }
  return [...groups.values()];
}
