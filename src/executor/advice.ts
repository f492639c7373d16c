/** The exact change that gives what the kernel refused. */
import { readFile } from 'node:fs/promises';

/** Settings that keep users from namespaces, as found; undefined where the kernel lacks them. */
export interface NamespaceSettings {
  /** user.max_user_namespaces */
  readonly most?: number | undefined;
  /** kernel.unprivileged_userns_clone (Debian) */
  readonly clone?: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns (Ubuntu) */
  readonly appArmor?: number | undefined;
}

/** What helps when `operation` (the label of a probe) was refused. Undefined where nothing is known. */
export async function adviceFor(operation: string, errno: string): Promise<string | undefined> {
  const [most, clone, appArmor] = await Promise.all(
    [
      'user/max_user_namespaces',
      'kernel/unprivileged_userns_clone',
      'kernel/apparmor_restrict_unprivileged_userns',
    ].map(readSetting),
  );
  return advise(operation, errno, { most, clone, appArmor });
}

/** Pure. */
export function advise(operation: string, errno: string, settings: NamespaceSettings): string | undefined {
  switch (operation) {
    case 'rootful':
      return 'run as root; in a container: docker run --privileged, or Kubernetes securityContext: { privileged: true }';
    case 'make a user namespace':
      return namespaceAdvice(errno, settings);
    case 'make namespaces':
    case 'make mounts private':
    case 'enter the store':
    case 'move mounts':
    case 'set the host name':
    case 'mount /proc':
      return settings.appArmor === 1 && operation !== 'mount /proc' ? appArmorAdvice : containerAdvice;
    case 'mount an overlay':
      return 'put the store on a file system that takes the upper of an overlay, such as ext4, xfs or btrfs: TSBUILD_ROOT=/volume; in a user namespace Linux 5.11 is needed';
    default:
      return undefined;
  }
}

/** All that a default container lacks: one missing thing is found before the others. */
const containerAdvice =
  'start the container with docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined, or podman run --security-opt seccomp=unconfined --security-opt unmask=ALL, or in Kubernetes with hostUsers: false and securityContext: { procMount: Unmasked, seccompProfile: { type: Unconfined }, appArmorProfile: { type: Unconfined } }';

const appArmorAdvice = 'run as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0';

function namespaceAdvice(errno: string, { most, clone, appArmor }: NamespaceSettings): string {
  if (most === 0 || errno === 'ENOSPC') return 'run as root: sysctl -w user.max_user_namespaces=10000';
  if (clone === 0) return 'run as root: sysctl -w kernel.unprivileged_userns_clone=1';
  if (appArmor === 1) return appArmorAdvice;
  return containerAdvice;
}

async function readSetting(path: string): Promise<number | undefined> {
  const text = await readFile(`/proc/sys/${path}`, 'latin1').catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}
