import { splitDeviceName } from './names.js';
import type { CdiDevice } from './types.js';

/** The devices that a machine offers, by full name in the order of their names. */
export type CdiRegistry = ReadonlyMap<string, CdiDevice>;

/** The devices of one file. */
export interface SpecDevices {
  readonly path: string;
  readonly devices: readonly CdiDevice[];
}

/**
 * Joins what was read from folders: of equal names the later folder's counts. A name that two files of one folder have
 * is nobody's, and a problem.
 */
export function joinSpecs(folders: readonly (readonly SpecDevices[])[]): {
  readonly registry: CdiRegistry;
  readonly problems: readonly string[];
} {
  const found = new Map<string, CdiDevice | undefined>();
  const problems: string[] = [];
  for (const specs of folders) {
    const owners = new Map<string, string>();
    for (const { path, devices } of specs) {
      for (const device of devices) {
        const other = owners.get(device.name);
        if (other !== undefined)
          problems.push(
            `${JSON.stringify(device.name)} is in ${JSON.stringify(other)} and ${JSON.stringify(path)}`,
          );
        owners.set(device.name, path);
        found.set(device.name, other === undefined ? device : undefined);
      }
    }
  }
  const devices = [...found.values()].filter((device) => device !== undefined);
  const sorted = devices.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { registry: new Map(sorted.map((device) => [device.name, device])), problems };
}

/** Annotation by which several devices of a kind have a name in common (BuildKit). */
const classAnnotation = 'org.mobyproject.buildkit.device.class';

/**
 * The devices that a name means, as BuildKit reads it: `vendor.com/class` the first of its kind, `vendor.com/class=*` all,
 * `vendor.com/class=name` that one, or else those of the kind whose annotation of the class says `name`.
 */
export function findDevices(registry: CdiRegistry, name: string): readonly CdiDevice[] {
  const [kind, wanted] = splitDeviceName(name);
  const ofKind = [...registry.values()].filter(({ spec }) => spec.kind === kind);
  if (wanted === '') return ofKind.slice(0, 1);
  if (wanted === '*') return ofKind;
  const device = registry.get(name);
  if (device !== undefined) return [device];
  return ofKind.filter(({ annotations }) => annotations[classAnnotation] === wanted);
}
