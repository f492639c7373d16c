/**
 * Names of temporary files and folders. A name tells who made it, so that a later process can delete what a killed
 * one left: `<pid namespace>-<pid>-<start time>-<thread>.<number>`.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../util/errors.js';
import { removeTree } from './remove-tree.js';

/** After so many milliseconds something of a process that cannot be looked up (another container) counts as left over. */
const foreignAge = 24 * 60 * 60 * 1000;

/** Tells threads of one process apart. */
const thread = randomBytes(4).toString('hex');
let self: string | undefined;
let count = 0;

/** A name that no other process uses and this one did not use before. */
export function temporaryName(): string {
  self ??= [pidNamespace(), process.pid, startTime(process.pid) ?? 0].join('-');
  count += 1;
  return `${self}-${thread}.${count}`;
}

/** Deletes the entries of `folder` whose makers are gone. What cannot be deleted stays. */
export async function sweepTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (await isLeftOver(folder, name)) await removeTree(join(folder, name)).catch(() => undefined);
  }
}

async function isLeftOver(folder: string, name: string): Promise<boolean> {
  return makerIsGone(name) ?? isOlder(join(folder, name), foreignAge);
}

/** Whether a name of `temporaryName` was made by a process that has ended; undefined when that cannot be known. */
export function makerIsGone(name: string): boolean | undefined {
  const match = /^(\d+)-(\d+)-(\d+)-[\da-f]+(?:\.\d+)*$/.exec(name);
  const [, namespace, pid, start] = match ?? [];
  if (namespace === undefined || namespace !== pidNamespace()) return undefined;
  return startTime(Number(pid)) !== start;
}

async function isOlder(path: string, age: number): Promise<boolean> {
  try {
    return Date.now() - (await lstat(path)).ctimeMs > age;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Inode of the PID namespace; 0 where /proc is missing. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

/** Start time of a process in clock ticks since boot (proc(5), field 22 of stat); undefined when there is none. */
function startTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name is in parentheses and may contain blanks; field 3 follows it.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return procIsMissing() ? '0' : undefined;
  }
}

function procIsMissing(): boolean {
  try {
    return readdirSync('/proc').length === 0;
  } catch {
    return true;
  }
}
