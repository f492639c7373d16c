/** A machine with an arm64 kernel, emulated whole: what scripts/fetch-arm64-machine.sh has fetched starts in it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runProgram } from './programs.js';
import { testCache } from './scratch.js';

const fetched = (name: string): string => join(testCache, 'arm64', name);
const emulator = findProgram('qemu-system-aarch64');

export const hasArm64Machine: boolean = emulator !== undefined && existsSync(fetched('vmlinuz'));

/** A file of the machine, by path without a leading slash. */
interface MachineFile {
  readonly mode: number;
  readonly content: Uint8Array;
}

const [directory, file, link, device] = [0o040000, 0o100000, 0o120000, 0o020000];

/** An archive of the form that kernels take as their first root (kernel: early-userspace/buffer-format.rst). */
function archiveOf(entries: Readonly<Record<string, MachineFile>>): Buffer {
  const parts: Buffer[] = [];
  const add = (name: string, { mode, content }: MachineFile, number: number): void => {
    const isConsole = name === 'dev/console';
    const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, isConsole ? 5 : 0, isConsole ? 1 : 0];
    const numbers = [...fields, name.length + 1, 0].map((value) => value.toString(16).padStart(8, '0'));
    parts.push(padded(Buffer.from(`070701${numbers.join('')}${name}\0`)), padded(Buffer.from(content)));
  };
  Object.entries(entries).forEach(([name, entry], index) => add(name, entry, index + 1));
  add('TRAILER!!!', { mode: 0, content: Buffer.alloc(0) }, 0);
  return Buffer.concat(parts);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

const commands = ['sh', 'mount', 'cat', 'mkdir', 'echo', 'cp', 'od', 'insmod', 'switch_root', 'poweroff'];

/** The first root cannot be left by pivot_root(2): everything goes to another one. */
const first = `#!/bin/sh
mount -t devtmpfs dev /dev
insmod /overlay.ko
mount -t tmpfs root /new
cp -a /bin /files/. /new/
mkdir -p /new/dev /new/proc /new/sys
mount -t devtmpfs dev /new/dev
exec switch_root /new /start
`;

/**
 * Starts the machine in `folder`, runs a shell script as root with these files below `/`, and gives what it printed.
 * /proc, /sys and the control groups (version 2) are mounted; commands are those of busybox.
 */
export async function onArm64Machine(
  folder: string,
  script: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<string> {
  const begin =
    '#!/bin/sh\nmount -t proc proc /proc; mount -t sysfs sys /sys; mount -t cgroup2 groups /sys/fs/cgroup\n';
  const start = `${begin}export PATH=/bin\necho BEGIN\n(\n${script}\n) 2>&1\necho END\npoweroff -f\n`;
  const text = (content: string): MachineFile => ({ mode: file | 0o755, content: Buffer.from(content) });
  const empty = (mode: number): MachineFile => ({ mode, content: Buffer.alloc(0) });
  const binary = (content: Uint8Array): MachineFile => ({ mode: file | 0o755, content });
  const folders = ['bin', 'dev', 'new', 'files'].map((name) => [name, empty(directory | 0o755)] as const);
  const archive = archiveOf({
    ...Object.fromEntries(folders),
    'dev/console': empty(device | 0o600),
    'bin/busybox': binary(readFileSync(fetched('busybox'))),
    ...Object.fromEntries(
      commands.map((name) => [`bin/${name}`, { mode: link | 0o777, content: Buffer.from('busybox') }]),
    ),
    'overlay.ko': binary(readFileSync(fetched('overlay.ko'))),
    init: text(first),
    'files/start': text(start),
    ...Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`files/${name}`, binary(bytes)])),
  });
  const initial = join(folder, 'initial');
  writeFileSync(initial, archive);
  const machine = ['-M', 'virt', '-cpu', 'max', '-m', '512', '-nographic', '-no-reboot', '-nic', 'none'];
  const boot = [
    '-kernel',
    fetched('vmlinuz'),
    '-initrd',
    initial,
    '-append',
    'console=ttyAMA0 loglevel=0 panic=1',
  ];
  const { output } = await runProgram([emulator ?? '', ...machine, ...boot], { timeout: 200_000 });
  const printed = /^BEGIN\r?\n(.*)^END\r?$/ms.exec(output)?.[1];
  if (printed === undefined) throw new Error(output.slice(-4000));
  return printed.replaceAll('\r', '');
}
