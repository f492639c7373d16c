/** What this place allows: every probe with what the kernel said, and the mode that follows. */
import { accessSync, constants } from 'node:fs';
import { isOverlay } from '../layers/own-namespace.js';
import { hostPlatform } from '../oci/platform.js';
import { PlayerError } from '../sys/player.js';
import { capability, may, readPrivileges, type Privileges } from '../sys/privileges.js';
import { TsbuildError } from '../util/errors.js';
import { adviceFor } from './advice.js';
import { chrootProblem, mayChroot, rootfulProblem } from './choose-mode.js';
import { emulation, readEmulators } from './emulators.js';
import { landlockVersion } from './landlock.js';
import { LimitGroups } from './limit-groups.js';
import { connectors } from './network-connectors.js';
import { presentMode } from './present-mode.js';
import { probeHere, probeNamespace } from './probe.js';
import type { Mode } from './types.js';
import { NamespaceError } from './user-namespace.js';

/** One thing that was tried. */
export interface Finding {
  readonly name: string;
  readonly works: boolean;
  /** What was found; of a failure, what was refused: `mount an overlay: EPERM`. */
  readonly detail: string;
  /** Name of the errno of a refused call. */
  readonly errno?: string | undefined;
  /** The exact change that would give it. */
  readonly advice?: string | undefined;
}

export interface Diagnosis {
  /** What `--isolation=auto` takes. */
  readonly mode: Mode;
  /** The probes of the modes, by the mode that they decide. */
  readonly modes: Readonly<Record<Exclude<Mode, 'none'>, Finding>>;
  /** What else a build may use. */
  readonly others: readonly Finding[];
}

/** Tries everything. `folder` holds empty `lower`, `upper`, `work` and `root`; each probe gets one of its own. */
export async function diagnose(
  withFolder: <T>(use: (folder: string) => Promise<T>) => Promise<T>,
): Promise<Diagnosis> {
  const privileges = readPrivileges();
  const modes = {
    rootful: await rootful(privileges, withFolder),
    rootless: await namespace('rootless', privileges, withFolder),
    'single-id': await namespace('single-id', privileges, withFolder),
    chroot: chroot(privileges),
  };
  const order = ['rootful', 'rootless', 'single-id', 'chroot'] as const;
  const mode = order.find((each) => modes[each].works) ?? 'none';
  return { mode, modes, others: await others(mode, withFolder) };
}

type WithFolder = <T>(use: (folder: string) => Promise<T>) => Promise<T>;

async function rootful(privileges: Privileges, withFolder: WithFolder): Promise<Finding> {
  const name = 'namespaces and overlay as root';
  if (presentMode(privileges) === 'rootful')
    return attempt(name, () => withFolder((folder) => probeHere(folder)));
  const why = rootfulProblem(privileges);
  return { name, works: false, detail: why, advice: await adviceFor('rootful', why) };
}

async function namespace(
  kind: 'rootless' | 'single-id',
  privileges: Privileges,
  withFolder: WithFolder,
): Promise<Finding> {
  const name = kind === 'rootless' ? 'user namespace with a range of ids' : 'user namespace with one id';
  const here = presentMode(privileges) === kind;
  return attempt(name, () =>
    withFolder((folder) => (here ? probeHere(folder) : probeNamespace(kind, folder, privileges))),
  );
}

/** Runs a probe; what it throws is what was found. */
async function attempt(name: string, probe: () => Promise<void>): Promise<Finding> {
  try {
    await probe();
    return { name, works: true, detail: 'works' };
  } catch (error) {
    if (error instanceof NamespaceError)
      return { name, works: false, detail: error.message, advice: error.hint };
    if (error instanceof PlayerError) {
      const advice = await adviceFor(error.operation?.label ?? '', error.code);
      return { name, works: false, detail: error.message, errno: error.code, advice };
    }
    if (error instanceof TsbuildError)
      return { name, works: false, detail: error.message, advice: error.hint };
    throw error;
  }
}

function chroot(privileges: Privileges): Finding {
  const name = 'chroot';
  if (mayChroot(privileges)) {
    const detail = may(privileges, capability.MKNOD)
      ? 'works'
      : 'works, without devices: CAP_MKNOD is missing (podman run --cap-add MKNOD)';
    return { name, works: true, detail };
  }
  const advice = 'run as root of the machine or of a container that has CAP_SYS_CHROOT';
  return { name, works: false, detail: chrootProblem(privileges), advice };
}

async function others(mode: Mode, withFolder: WithFolder): Promise<Finding[]> {
  return [
    ...(mode === 'none' ? [] : [await withFolder((folder) => Promise.resolve(roots(folder, mode)))]),
    await landlock(),
    await limits(mode),
    network(mode),
    ...(await emulators()),
  ];
}

/** What steps find their root on. */
function roots(folder: string, mode: Mode): Finding {
  const name = 'roots without copies';
  if (mode === 'chroot') return { name, works: false, detail: 'nothing can be mounted in chroot mode' };
  if (!isOverlay(folder)) return { name, works: true, detail: 'overlays on the file system of the store' };
  return {
    name,
    works: false,
    detail: 'the store lies on an overlay itself: steps run in plain copies of the image',
    advice: 'put the store on a volume, in Kubernetes an emptyDir: TSBUILD_ROOT=/volume',
  };
}

async function landlock(): Promise<Finding> {
  const version = await landlockVersion();
  const name = 'Landlock';
  if (version !== undefined && version >= 2) return { name, works: true, detail: `version ${version}` };
  const detail = version === undefined ? 'not in this kernel' : `version ${version}, 2 is needed`;
  return {
    name,
    works: false,
    detail,
    advice: 'only chroot mode uses it; Linux 5.19 with CONFIG_SECURITY_LANDLOCK',
  };
}

async function limits(mode: Mode): Promise<Finding> {
  const name = 'control groups';
  if (mode === 'none') return { name, works: false, detail: 'no step can run here' };
  const groups = await (await LimitGroups.open()).make({});
  await groups.remove();
  const { lacking } = groups;
  if (lacking.length === 0)
    return { name, works: true, detail: 'memory, processes and processors can be limited' };
  return {
    name,
    works: false,
    detail: `cannot be limited: ${lacking.join(', ')}`,
    advice:
      'delegate them to the user: systemctl edit user@.service, [Service] Delegate=cpu memory pids; in a container mount cgroup2 writable',
  };
}

function network(mode: Mode): Finding {
  const name = 'network of its own for a build';
  if (mode === 'chroot')
    return { name, works: false, detail: 'steps use the network of this place in chroot mode' };
  const found = connectors.find((connector) => isProgram(connector.name));
  if (found !== undefined) return { name, works: true, detail: `by ${found.name}` };
  return { name, works: false, detail: 'neither pasta nor slirp4netns', advice: 'install the package passt' };
}

function isProgram(name: string): boolean {
  return ['/usr/bin', '/usr/local/bin', '/bin', '/usr/sbin'].some((folder) => {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Architectures that images are usually built for besides the machine's own. */
async function emulators(): Promise<Finding[]> {
  const host = hostPlatform().architecture;
  const entries = await readEmulators();
  return ['amd64', 'arm64']
    .filter((architecture) => architecture !== host)
    .map((architecture) => {
      const found = emulation(architecture, host, entries);
      const works = found === 'native' || found === 'registered';
      return {
        name: `RUN for ${architecture}`,
        works,
        detail: works
          ? found
          : found === 'absent'
            ? 'no emulator in binfmt_misc'
            : 'the emulator lacks the flag F',
        ...(works ? {} : { advice: 'docker run --privileged --rm tonistiigi/binfmt --install all' }),
      };
    });
}
