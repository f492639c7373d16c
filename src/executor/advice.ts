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
      if (settings.appArmor === 1) return appArmorAdvice;
      return 'allow the calls in the container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined, or Kubernetes seccompProfile: { type: Unconfined }';
    case 'make mounts private':
    case 'enter the store':
      if (settings.appArmor === 1) return appArmorAdvice;
      return 'allow mounts in the container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined';
    case 'mount an overlay':
      return 'put the store on a file system that takes the upper of an overlay, such as ext4, xfs or btrfs: TSBUILD_ROOT=/volume; in a user namespace Linux 5.11 is needed';
    case 'mount /proc':
      return 'unmask /proc of the container: docker run --security-opt systempaths=unconfined, or Kubernetes securityContext: { procMount: Unmasked }';
    default:
      return undefined;
  }
}

const appArmorAdvice = 'run as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0';

function namespaceAdvice(errno: string, { most, clone, appArmor }: NamespaceSettings): string {
  if (most === 0 || errno === 'ENOSPC') return 'run as root: sysctl -w user.max_user_namespaces=10000';
  if (clone === 0) return 'run as root: sysctl -w kernel.unprivileged_userns_clone=1';
  if (appArmor === 1) return appArmorAdvice;
  return 'allow user namespaces in the container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined';
}

async function readSetting(path: string): Promise<number | undefined> {
  const text = await readFile(`/proc/sys/${path}`, 'latin1').catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}
