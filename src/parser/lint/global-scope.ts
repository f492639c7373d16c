import { TsbuildError } from '../../util/errors.js';
import { expandWord, type Scope } from '../expand.js';
import type { Dockerfile } from '../types.js';

const platformArgs = ['PLATFORM', 'OS', 'OSVERSION', 'ARCH', 'VARIANT'].flatMap((part) => [
  `TARGET${part}`,
  `BUILD${part}`,
]);

/** Arguments that FROM lines may use without declaring them. */
export const automaticArgs: readonly string[] = [...platformArgs, 'TARGETSTAGE'];

/**
 * The defaults of the arguments before the first FROM, as a build without `--build-arg` sees them; undefined
 * for those without one. A default that cannot be expanded counts as none.
 */
export function globalDefaults({ globalArgs, directives }: Dockerfile): Map<string, string | undefined> {
  const values = new Map<string, string | undefined>();
  const scope: Scope = { get: (name) => values.get(name) };
  for (const { name, value } of globalArgs.flatMap(({ args }) => args)) {
    values.set(name, value === undefined ? undefined : tryExpand(value, scope, directives.escape));
  }
  return values;
}

/** The expanded word, or undefined when it has an error, which the build reports. */
export function tryExpand(word: string, scope: Scope, escape: '\\' | '`'): string | undefined {
  try {
    return expandWord(word, scope, escape);
  } catch (error) {
    if (error instanceof TsbuildError) return undefined;
    throw error;
  }
}
