import { lstat, readdir, readFile } from 'node:fs/promises';
import { hostArch } from '../sys/player-file.js';
import { deviceNumber } from '../sys/nodes.js';
import { hasTrustedXattrs, idCount, readPrivileges } from '../sys/privileges.js';
import type { HostFacts } from './sandbox/plan.js';

/** Finds out what sandbox programs must know of this machine and process. */
export async function readHostFacts(): Promise<HostFacts> {
  const [status, limits, lastCapability, devices, resolvConf, thermalFolders] = await Promise.all([
    readFile('/proc/self/status', 'latin1'),
    readFile('/proc/self/limits', 'latin1'),
    readFile('/proc/sys/kernel/cap_last_cap', 'latin1'),
    deviceNodes(),
    readFile('/etc/resolv.conf').catch(() => new Uint8Array()),
    thermalPaths(),
  ]);
  const privileges = readPrivileges();
  const offered = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
  return {
    arch: hostArch(),
    initial: privileges.initial,
    trusted: hasTrustedXattrs(privileges),
    singleId: idCount(privileges.users) === 1,
    permitted: BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
    lastCapability: Number(lastCapability),
    openFiles: hardLimit(limits, 'Max open files'),
    coreSize: hardLimit(limits, 'Max core file size'),
    devices: offered.filter((name) => devices.some((device) => device.name === name)),
    allDevices: devices,
    thermalFolders,
    resolvConf,
  };
}

const unlimited = (1n << 64n) - 1n;

/** The second number of a line of /proc/self/limits. */
function hardLimit(limits: string, name: string): bigint {
  const line = limits.split('\n').find((text) => text.startsWith(name)) ?? '';
  const [, hard = 'unlimited'] = line.slice(name.length).trim().split(/\s+/);
  return hard === 'unlimited' ? unlimited : BigInt(hard);
}

async function deviceNodes(): Promise<HostFacts['allDevices']> {
  const names = await readdir('/dev');
  const nodes = await Promise.all(
    names.map(async (name) => {
      const stats = await lstat(`/dev/${name}`);
      if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return [];
      return [{ name, mode: stats.mode, device: deviceNumber(majorOf(stats.rdev), minorOf(stats.rdev)) }];
    }),
  );
  return nodes.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}

// stat(2) and mknod(2) number devices differently from 4096 majors on; glibc's makedev layout is what stat gives.
function majorOf(device: number): number {
  return Math.floor(device / 256) & 0xfff;
}

function minorOf(device: number): number {
  return (device & 0xff) | (Math.floor(device / 4096) & 0xfff00);
}

const cpuFolder = 'devices/system/cpu';

/** /sys/devices/system/cpu/cpu<n>/thermal_throttle, relative to /sys. */
async function thermalPaths(): Promise<string[]> {
  const names = await readdir(`/sys/${cpuFolder}`).catch(() => []);
  const folders = names
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${cpuFolder}/${name}/thermal_throttle`);
  const present = await Promise.all(
    folders.map((path) =>
      lstat(`/sys/${path}`).then(
        () => [path],
        () => [],
      ),
    ),
  );
  return present.flat().sort();
}
