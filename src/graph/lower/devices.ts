import { isKind, splitDeviceName } from '../../executor/cdi/names.js';
import { findDevices, type CdiRegistry } from '../../executor/cdi/registry.js';
import type { CdiDevice } from '../../executor/cdi/types.js';
import type { DeviceOption } from '../../parser/types.js';
import { goBoolean } from '../../parser/go-boolean.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecDevice } from '../ops.js';
import type { AllowedDevices, LowerRequest } from './lowering.js';

/**
 * The devices of a RUN with aliases replaced. As with BuildKit only devices that there are need a grant: whether a
 * required one is missing is said when the step runs, so that a cached result needs no device. Throws `dockerfile` for
 * names that no device can have, `usage` for devices that were not granted.
 */
export async function lowerDevices(
  options: readonly DeviceOption[],
  { allowedDevices = noDevices, devices }: LowerRequest,
): Promise<readonly ExecDevice[]> {
  if (options.length === 0) return [];
  const wanted = options.map(({ name, required }) => ({
    name: checkedName(allowedDevices.names.get(name) ?? name),
    required,
    isAlias: (allowedDevices.names.get(name) ?? name) !== name,
  }));
  if (!allowedDevices.all) {
    const registry: CdiRegistry = (await devices?.()) ?? new Map();
    const open = wanted.filter(({ isAlias }) => !isAlias).flatMap(({ name }) => findDevices(registry, name));
    checkGranted(open, grantedDevices(registry, allowedDevices));
  }
  return wanted.map(({ name, required }) => ({ name, required }));
}

const noDevices: AllowedDevices = { all: false, names: new Map() };

function checkedName(name: string): string {
  if (isKind(splitDeviceName(name)[0])) return name;
  throw new TsbuildError('dockerfile', `${JSON.stringify(name)} is not the name of a device`, {
    hint: 'write --device=vendor.com/class=name, or give the name a meaning with --allow device=vendor.com/class=name,alias=NAME',
  });
}

function grantedDevices(registry: CdiRegistry, { names }: AllowedDevices): ReadonlySet<CdiDevice> {
  return new Set([...names.values()].flatMap((name) => findDevices(registry, name)));
}

/** Annotation by which whoever sets up a machine lets every build have a device (BuildKit). */
const autoAllow = 'org.mobyproject.buildkit.device.autoallow';

function checkGranted(devices: readonly CdiDevice[], granted: ReadonlySet<CdiDevice>): void {
  const refused = devices.find(
    (device) => !granted.has(device) && goBoolean(device.annotations[autoAllow]) !== true,
  );
  if (refused === undefined) return;
  throw new TsbuildError(
    'usage',
    `RUN --device asks for ${JSON.stringify(refused.name)}, which is not allowed`,
    {
      hint: `if you trust this Dockerfile and its base image, allow it with --allow device=${refused.name}, or all devices with --allow device`,
    },
  );
}
