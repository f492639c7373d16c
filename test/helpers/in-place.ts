/**
 * Runs a command in a place like those that builds run in: `node in-place.js PLACE COMMAND ARGUMENT…`. What it prints
 * and its exit code are the command's.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enterNamespace } from '../../src/executor/enter-namespace.js';
import { seccompFilter } from '../../src/executor/seccomp/filter.js';
import { hostArch } from '../../src/sys/player-file.js';
import { playerError, startPlayer, type Report } from '../../src/sys/player.js';
import { removeTree } from '../../src/sys/remove-tree.js';
import { encodeProgram, type Operation, type Program } from '../../src/sys/program.js';
import { toByteString } from '../../src/util/bytes.js';

const [place = '', path = '', ...args] = process.argv.slice(2);
const command = { argv: [path, ...args], env: process.env, cwd: process.cwd() } as const;

/** Docker's 14 capabilities. */
const dockerCapabilities = 0xa80425fbn;

/** What `docker run` does to root: fewer capabilities, and a filter that refuses mount and unshare. */
function becomeContainer(): Operation[] {
  const filter = seccompFilter(hostArch(), 'all-ids');
  const [low, high] = [Number(dockerCapabilities & 0xffffffffn), Number(dockerCapabilities >> 32n)];
  const numbers = Array.from({ length: 41 }, (_, number) => number);
  return [
    ...numbers
      .filter((number) => ((dockerCapabilities >> BigInt(number)) & 1n) === 0n)
      .map((number): Operation => ({ call: 'prctl', args: [24, number, 0, 0, 0] })),
    { call: 'seccomp', args: [1, 0, { words: [filter.length / 8, filter] }] },
    {
      call: 'capset',
      args: [
        new Uint8Array(new Uint32Array([0x20080522, 0]).buffer),
        new Uint8Array(new Uint32Array([low, low, 0, high, high, 0]).buffer),
      ],
    },
  ];
}

const MS_BIND = 4096;
const unshareMounts: Operation = { call: 'unshare', args: [0x00020000], label: 'make namespaces' };
const privateMounts: Operation = {
  call: 'mount',
  args: [0, '/', 0, 0x44000, 0],
  label: 'make mounts private',
};

/** An overlay on a folder, which only the command sees: as the file system of a container. */
function mountOverlay(folder: string): Operation[] {
  const parts = mkdtempSync(join(tmpdir(), 'tsbuild-overlay-'));
  process.once('exit', () => rmSync(parts, { recursive: true, force: true }));
  for (const name of ['upper', 'work']) mkdirSync(join(parts, name));
  const options = `lowerdir=${folder},upperdir=${parts}/upper,workdir=${parts}/work`;
  return [
    unshareMounts,
    privateMounts,
    { call: 'mount', args: ['overlay', folder, 'overlay', 0, options], label: 'mount an overlay' },
  ];
}

/** A user who sees folders of root at places that everybody may enter: `user-ID@FROM=TO…`. */
function becomeUser(id: number, shown: readonly string[]): Operation[] {
  return [
    ...(shown.length === 0 ? [] : [unshareMounts, privateMounts]),
    ...shown.map((pair): Operation => {
      const [from = '', to = ''] = pair.split('=');
      return { call: 'mount', args: [from, to, 0, MS_BIND, 0], label: 'show a folder' };
    }),
    { call: 'setgroups', args: [0, 0] },
    { call: 'setresgid', args: [id, id, id] },
    { call: 'setresuid', args: [id, id, id] },
  ];
}

/** Executes the command after some operations. */
async function executeAfter(operations: readonly Operation[]): Promise<number> {
  const variables = Object.entries(command.env).map(([name, value]) => `${name}=${value ?? ''}`);
  const program: Program = {
    operations: [
      { call: 'prctl', args: [1, 9], label: 'death signal' },
      ...operations,
      { call: 'prctl', args: [1, 9], label: 'death signal' },
      { call: 'chdir', args: [toByteString(command.cwd)] },
      { call: 'close_range', args: [3, 0xffffffff, 0] },
      {
        call: 'execve',
        args: [
          toByteString(path),
          { words: [...command.argv.map(toByteString), 0] },
          { words: [...variables.map(toByteString), 0] },
        ],
      },
    ],
  };
  let failure: Report | undefined;
  const player = await startPlayer(encodeProgram(program, hostArch()), {
    standard: 'inherit',
    onReport: (report) => (failure ??= report),
  });
  const { exitCode } = await player.done;
  if (failure !== undefined) throw playerError(program, failure);
  return exitCode ?? 1;
}

async function inNamespace(isolation: 'rootless' | 'single-id'): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-place-'));
  for (const name of ['lower', 'upper', 'work', 'root']) mkdirSync(join(folder, name));
  try {
    const code = await enterNamespace({
      isolation,
      command,
      onEntering: () => undefined,
      withProbeFolder: (use) => use(toByteString(folder)),
    });
    return code ?? 1;
  } finally {
    await removeTree(toByteString(folder));
  }
}

const [, confined, overlay] = /^overlay(-container)?:(.*)$/.exec(place) ?? [];
const [who = '', ...shown] = place.split('@');
const user = /^user-(\d+)$/.exec(who)?.[1];
if (user !== undefined) process.exitCode = await executeAfter(becomeUser(Number(user), shown));
else if (overlay !== undefined && !confined) process.exitCode = await executeAfter(mountOverlay(overlay));
else if (overlay !== undefined) {
  process.exitCode = await executeAfter([...mountOverlay(overlay), ...becomeContainer()]);
} else if (place === 'container') process.exitCode = await executeAfter(becomeContainer());
else if (place === 'rootless' || place === 'single-id') process.exitCode = await inNamespace(place);
else throw new Error(`unknown place ${place}`);
