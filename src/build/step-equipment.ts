import { join } from 'node:path';
import { CacheMounts } from '../executor/cache-mounts.js';
import { cacheMountFolder } from '../executor/cache-mounts-prune.js';
import { cdiDevices, type CdiDevices } from '../executor/cdi/read-specs.js';
import { usualSpecFolders } from '../executor/cdi/spec-folders.js';
import { stepNetworks, type StepNetworks } from '../executor/networks.js';
import { secretsOf } from '../executor/secrets.js';
import { sshAgents, type AgentSource } from '../executor/ssh-agents.js';
import type { ExecSpec, StepLimits, StepNetwork } from '../executor/types.js';
import type { AllowedDevices, Entitlement } from '../graph/lower/lowering.js';
import type { StepEquipment } from '../graph/runner.js';
import { MountViews } from '../graph/runners/mount-sources.js';
import type { Job } from '../progress/event.js';
import type { Store } from '../store/store.js';
import { toByteString } from '../util/bytes.js';
import type { RemoteCaches } from './remote-caches.js';

/** What the caller gives to the RUN steps of a build, and what it allows them. */
export interface StepSettings {
  /** Of steps that name none. */
  readonly network: StepNetwork;
  readonly entitlements: ReadonlySet<Entitlement>;
  readonly allowedDevices: AllowedDevices;
  /** Folders of CDI specs, later ones count more; empty: the usual ones. */
  readonly deviceFolders: readonly string[];
  /** Bytes by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly agents: ReadonlyMap<string, AgentSource>;
  readonly extraHosts: ExecSpec['extraHosts'];
  readonly resolver: ExecSpec['resolver'];
  readonly limits: StepLimits;
  /** Ports of the host's 127.0.0.1 that steps of an isolated network reach at theirs. */
  readonly hostPorts: readonly number[];
}

export interface EquipmentTools {
  readonly store: Store;
  readonly job: Job;
  /** A new path that is deleted after the build. */
  readonly temporaryFile: () => string;
  /** BUILDKIT_CACHE_MOUNT_NS. */
  readonly cacheNamespace: string;
  readonly caches?: RemoteCaches | undefined;
  readonly devices: CdiDevices;
}

/** Nothing is opened or started before a step asks for it. */
export function stepEquipment(settings: StepSettings, tools: EquipmentTools): StepEquipment {
  const folder = (): string => toByteString(tools.temporaryFile());
  const root = toByteString(join(tools.store.root, cacheMountFolder));
  return {
    secrets: secretsOf(settings.secrets),
    agents: sshAgents(settings.agents, folder),
    caches:
      tools.caches?.cacheMounts(root, tools.cacheNamespace) ?? new CacheMounts(root, tools.cacheNamespace),
    views: new MountViews(),
    devices: tools.devices,
    extraHosts: settings.extraHosts,
    resolver: settings.resolver,
    limits: settings.limits,
  };
}

/** The devices of this machine, as the caller wants them to be looked for. */
export function stepDevices({ deviceFolders }: StepSettings, job: Job): CdiDevices {
  const folders = deviceFolders.length > 0 ? deviceFolders : usualSpecFolders;
  return cdiDevices(folders, (message) => job.emit({ kind: 'warning', message }));
}

/** The network that steps have in common. To be closed at the end of the build. */
export function buildNetworks(
  { hostPorts }: StepSettings,
  { job, temporaryFile }: EquipmentTools,
): StepNetworks {
  const onShared = (reason: string): void => {
    const message = `RUN steps share the network of this machine: ${reason}`;
    job.emit({ kind: 'warning', message });
  };
  return stepNetworks({ folder: () => toByteString(temporaryFile()), hostPorts, onShared });
}
