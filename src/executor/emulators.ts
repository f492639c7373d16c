/** Programs for other processors: what binfmt_misc runs them with (kernel: admin-guide/binfmt-misc.rst). */
import { readdir, readFile } from 'node:fs/promises';

/** e_machine of ELF files (elf.h) and their byte order, by the architecture names of images. */
const machines: Readonly<Record<string, readonly [number: number, order: 'little' | 'big']>> = {
  '386': [3, 'little'],
  arm: [40, 'little'],
  amd64: [62, 'little'],
  arm64: [183, 'little'],
  riscv64: [243, 'little'],
  loong64: [258, 'little'],
  ppc64le: [21, 'little'],
  mips64le: [8, 'little'],
  s390x: [22, 'big'],
};

/** Processors that run programs of another architecture themselves. */
const native: Readonly<Record<string, readonly string[]>> = { amd64: ['amd64', '386'], arm64: ['arm64'] };

export type Emulation =
  /** The processor itself runs such programs. */
  | 'native'
  /** An emulator is registered, and opened already (flag F), so that it need not be in the image. */
  | 'registered'
  /** An emulator is registered, but is looked for in the image. */
  | 'needs its file'
  | 'absent';

/** How programs of an architecture run on a machine of another, given the entries of binfmt_misc. Pure. */
export function emulation(architecture: string, host: string, entries: readonly string[]): Emulation {
  if (architecture === host || native[host]?.includes(architecture)) return 'native';
  const fitting = entries.filter((entry) => isFor(entry, architecture));
  if (fitting.some((entry) => /^flags: .*F/m.test(entry))) return 'registered';
  return fitting.length > 0 ? 'needs its file' : 'absent';
}

const [classOffset, orderOffset, machineOffset] = [4, 5, 18];

/** Whether an enabled entry's magic is that of the architecture's ELF files. */
function isFor(entry: string, architecture: string): boolean {
  const [machine, order] = machines[architecture] ?? [];
  const magic = Buffer.from(/^magic ([0-9a-f]+)$/m.exec(entry)?.[1] ?? '', 'hex');
  if (machine === undefined || !entry.startsWith('enabled\n') || magic.length < machineOffset + 2)
    return false;
  const is64 = !['386', 'arm'].includes(architecture);
  if (magic[classOffset] !== (is64 ? 2 : 1) || magic[orderOffset] !== (order === 'little' ? 1 : 2))
    return false;
  return (
    (order === 'little' ? magic.readUInt16LE(machineOffset) : magic.readUInt16BE(machineOffset)) === machine
  );
}

const folder = '/proc/sys/fs/binfmt_misc';

/** The texts of all entries; none where the file system is not mounted. */
export async function readEmulators(): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const entries = names.filter((name) => name !== 'register' && name !== 'status');
  return Promise.all(entries.map((name) => readFile(`${folder}/${name}`, 'latin1').catch(() => '')));
}

/** How to register emulators: phrases for hints. */
export const registering =
  'install qemu-user-static and binfmt-support on the machine, or run there: docker run --privileged --rm tonistiigi/binfmt --install all';

/** What stops the programs of an architecture from running on this machine, and what helps; undefined: nothing. */
export async function emulationProblem(
  architecture: string,
  host: string,
): Promise<{ readonly problem: string; readonly hint: string } | undefined> {
  const found = emulation(architecture, host, await readEmulators());
  if (found === 'absent') return { problem: 'no emulator is registered in binfmt_misc', hint: registering };
  if (found === 'needs its file') {
    return {
      problem: 'its emulator is registered without the flag F, so it would have to be in the image',
      hint: `register it again with the flag F: ${registering}`,
    };
  }
  return undefined;
}
