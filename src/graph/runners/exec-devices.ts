import { mergeEdits } from '../../executor/cdi/edits.js';
import { hostMounts } from '../../executor/cdi/host-mounts.js';
import { findDevices } from '../../executor/cdi/registry.js';
import type { CdiDevice, CdiEdits } from '../../executor/cdi/types.js';
import type { StepMount } from '../../executor/types.js';
import { toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecOp } from '../ops.js';
import type { Task } from '../runner.js';

/** What the devices of a step add to it. */
export interface OpenDevices {
  readonly mounts: readonly StepMount[];
  /** `NAME=value`. */
  readonly variables: readonly string[];
  readonly groups: readonly number[];
}

/** Finds the devices of a step on this machine. Throws `run` for a required one that is not there. */
export async function openDevices(task: Task<ExecOp>): Promise<OpenDevices> {
  if (task.op.devices.length === 0) return { mounts: [], variables: [], groups: [] };
  const devices = await foundDevices(task);
  const edits = mergeEdits(devices);
  checkEdits(edits, task);
  const { ids } = await task.shop.executor();
  return {
    mounts: await hostMounts(edits),
    variables: edits.env.map(toByteString),
    groups: edits.additionalGids.filter((gid) => ids?.hasGroup(gid) !== false),
  };
}

async function foundDevices({ op, shop }: Task<ExecOp>): Promise<readonly CdiDevice[]> {
  const { folders, registry } = shop.equipment.devices;
  const known = await registry();
  return op.devices.flatMap(({ name, required }) => {
    const found = findDevices(known, name);
    const missing = `the device ${JSON.stringify(name)} is not on this machine`;
    if (found.length === 0 && required) {
      throw new TsbuildError('run', missing, {
        hint: `devices are described by CDI specs in ${folders.join(', ')}; ${offered([...known.keys()])}`,
      });
    }
    if (found.length === 0) warn(shop, `${missing}: a step that does not require it runs without it`);
    return found;
  });
}

function offered(names: readonly string[]): string {
  if (names.length === 0) return 'there are none';
  const shown = names.slice(0, 5).join(', ');
  return `there are ${shown}${names.length > 5 ? ' and others' : ''}`;
}

/** Hooks and cache allocation are no part of what a step sees; a network interface that it lacks is. */
function checkEdits({ hooks, intelRdt, netDevices }: CdiEdits, { shop }: Task<ExecOp>): void {
  const [device] = netDevices;
  if (device !== undefined) {
    throw new TsbuildError(
      'unsupported',
      `the network device ${JSON.stringify(device)} of a CDI spec is not supported`,
      {
        hint: 'steps have the network of the build: choose a device without netDevices',
      },
    );
  }
  if (hooks.length > 0) {
    const shown = hooks.map((hook) => JSON.stringify(hook)).join(', ');
    warn(
      shop,
      `hooks of CDI specs are not run, as they are programs of this machine with its rights: ${shown}; do in the step what they would do, such as ldconfig`,
    );
  }
  if (intelRdt) warn(shop, 'intelRdt of CDI specs has no effect: steps share the caches of the processor');
}

function warn({ job }: Task<ExecOp>['shop'], message: string): void {
  job.emit({ kind: 'warning', message });
}
