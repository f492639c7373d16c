import type { CdiDevice, CdiEdits } from './types.js';

/**
 * What some devices change together: first what a spec says of all its devices, once, then each device. Of two nodes or
 * mounts at one path, and of two variables of one name, the later counts.
 */
export function mergeEdits(devices: readonly CdiDevice[]): CdiEdits {
  const all: CdiEdits[] = [];
  const specs = new Set<CdiDevice['spec']>();
  for (const { spec, edits } of new Set(devices)) {
    if (!specs.has(spec)) all.push(spec.edits);
    specs.add(spec);
    all.push(edits);
  }
  return {
    env: lastOf(
      all.flatMap(({ env }) => env),
      (pair) => pair.slice(0, pair.indexOf('=')),
    ),
    deviceNodes: lastOf(
      all.flatMap(({ deviceNodes }) => deviceNodes),
      (node) => node.path,
    ),
    mounts: lastOf(
      all.flatMap(({ mounts }) => mounts),
      (mount) => mount.containerPath,
    ),
    additionalGids: distinct(all.flatMap(({ additionalGids }) => additionalGids)),
    hooks: distinct(all.flatMap(({ hooks }) => hooks)),
    netDevices: distinct(all.flatMap(({ netDevices }) => netDevices)),
    intelRdt: all.some(({ intelRdt }) => intelRdt),
  };
}

function lastOf<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)];
}
