import type { HostMountFlag } from '../types.js';

/** How a mount of a CDI spec is made. */
export interface MountManner {
  /** Whether what is mounted below the source is shown too. */
  readonly recursive: boolean;
  readonly flags: readonly HostMountFlag[];
}

/** Words that mean what every mount of a step is: it is bound, does not propagate, and has the times of its source. */
const withoutEffect = new Set(
  'bind rw suid dev exec async defaults relatime atime diratime private rprivate slave rslave'.split(' '),
);
const flags: readonly HostMountFlag[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/** Reads the options of a mount; undefined for the first word that cannot be had, such as `shared`. Pure. */
export function mountManner(options: readonly string[]): MountManner | { readonly unknown: string } {
  const found = new Set<HostMountFlag>();
  for (const option of options) {
    const flag = flags.find((known) => known === option);
    if (flag !== undefined) found.add(flag);
    else if (option === 'rw') found.delete('ro');
    else if (option !== 'rbind' && !withoutEffect.has(option)) return { unknown: option };
  }
  return { recursive: options.includes('rbind'), flags: flags.filter((flag) => found.has(flag)) };
}
