/** Making a user namespace and giving it its ids. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { hostArch } from '../sys/player-file.js';
import { playerError, startPlayer, type PlayerEnd, type PlayerOptions, type Report } from '../sys/player.js';
import { capability, may, type IdRange, type Privileges } from '../sys/privileges.js';
import { addressOf, encodeProgram, type Operation, type Program } from '../sys/program.js';
import { errnoCode } from '../util/errors.js';
import { linux } from './linux.js';
import type { NamespaceKind } from './present-mode.js';
import { dieWithParent } from './sandbox/namespaces.js';
import { report } from './sandbox/operations.js';
import { helperArguments, readSubordinateIds } from './subordinate-ids.js';

/** A namespace could not be made or got no ids. */
export class NamespaceError extends Error {
  override readonly name = 'NamespaceError';
  constructor(
    message: string,
    /** What helps, where that is known. */
    readonly hint: string | undefined,
  ) {
    super(message);
  }
}

/** Gives ids to the namespace of a process. Throws NamespaceError. */
type MapIds = (pid: number) => Promise<void>;

/** How a namespace of this kind gets its ids here. Throws NamespaceError when there is no way. */
export async function planIds(kind: NamespaceKind, privileges: Privileges): Promise<MapIds> {
  const { uid, gid, users, groups } = privileges;
  if (kind === 'single-id')
    return (pid) => writeMaps(pid, { users: `0 ${uid} 1`, groups: `0 ${gid} 1`, deny: true });
  if (may(privileges, capability.SETUID) && may(privileges, capability.SETGID) && uid === 0) {
    return (pid) => writeMaps(pid, { users: identity(users), groups: identity(groups), deny: false });
  }
  const own = await readSubordinateIds(uid);
  if (own.users.length === 0 || own.groups.length === 0) {
    const missing = own.users.length === 0 ? '/etc/subuid' : '/etc/subgid';
    throw new NamespaceError(
      `the user has no subordinate ids in ${missing}`,
      `run as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${uid}`,
    );
  }
  const newuidmap = helper('newuidmap');
  const newgidmap = helper('newgidmap');
  return async (pid) => {
    await runHelper(newuidmap, [`${pid}`, ...helperArguments(uid, own.users)]);
    await runHelper(newgidmap, [`${pid}`, ...helperArguments(gid, own.groups)]);
  };
}

function identity(ranges: readonly IdRange[]): string {
  return ranges.map(([first, count]) => `${first} ${first} ${count}`).join('\n');
}

async function writeMaps(
  pid: number,
  maps: { readonly users: string; readonly groups: string; readonly deny: boolean },
): Promise<void> {
  try {
    // Without privileges groups can only be mapped when none can be given up (user_namespaces(7)).
    if (maps.deny) await writeFile(`/proc/${pid}/setgroups`, 'deny');
    await writeFile(`/proc/${pid}/gid_map`, maps.groups);
    await writeFile(`/proc/${pid}/uid_map`, maps.users);
  } catch (error) {
    throw new NamespaceError(`ids cannot be mapped: ${errnoCode(error) ?? String(error)}`, undefined);
  }
}

/** Fixed places only: the helpers have privileges, and PATH may be anybody's. */
function helper(name: string): string {
  const found = ['/usr/bin', '/bin', '/usr/local/bin', '/run/wrappers/bin']
    .map((folder) => `${folder}/${name}`)
    .find(isExecutable);
  if (found !== undefined) return found;
  throw new NamespaceError(
    `${name} is not installed`,
    'install newuidmap and newgidmap: package uidmap (Debian, Ubuntu), shadow-utils (Fedora) or shadow-uidmap (Alpine)',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function runHelper(path: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(path, args, { env: {}, cwd: '/' }, (error, _, stderr) => {
      if (error === null) return resolve();
      const said = stderr.trim().split('\n')[0] ?? '';
      reject(
        new NamespaceError(
          `${path} failed: ${said === '' ? error.message : said}`,
          'it must be setuid root or have file capabilities, and the user’s lines in /etc/subuid and /etc/subgid must not overlap',
        ),
      );
    });
  });
}

const enteredTag = -2n;

/** Makes a user namespace, waits for its ids and becomes its root. */
const enterOperations: readonly Operation[] = [
  dieWithParent,
  { call: 'unshare', args: [linux.CLONE_NEWUSER], label: 'make a user namespace' },
  ...report(enteredTag, 'entered'),
  { call: 'read', args: [3, addressOf('go'), 1], nonzero: true, label: 'wait for ids' },
  { call: 'setresgid', args: [0, 0, 0], label: 'become root of the namespace' },
  { call: 'setresuid', args: [0, 0, 0], label: 'become root of the namespace' },
  dieWithParent, // a change of ids clears it
];

export interface NamespacePlay extends Omit<PlayerOptions, 'onReport'> {
  readonly mapIds: MapIds;
  /** What is done as root of the namespace; ends in execve or exit_group. */
  readonly operations: readonly Operation[];
  /** Called when the namespace has its ids. */
  readonly onStarted?: (pid: number) => void;
}

/** Plays operations in a new user namespace. Throws NamespaceError, and PlayerError for a refused call. */
export async function playInNamespace(play: NamespacePlay): Promise<PlayerEnd> {
  const program: Program = {
    operations: [...enterOperations, ...play.operations],
    slots: { entered: 8, go: 8 },
  };
  let failure: Report | undefined;
  let mapping: Promise<void> | undefined;
  const player = await startPlayer(encodeProgram(program, hostArch()), {
    ...play,
    onReport: (each) => {
      if (each.tag >= 0n) failure ??= each;
      else if (each.tag === enteredTag) (mapping = letGo()).catch(() => player.kill());
    },
  });
  async function letGo(): Promise<void> {
    await play.mapIds(player.pid);
    play.onStarted?.(player.pid);
    player.send(Uint8Array.of(1));
  }
  const end = await player.done;
  await mapping;
  if (failure !== undefined) throw playerError(program, failure);
  return end;
}
