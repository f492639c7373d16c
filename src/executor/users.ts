/** USER and --chown against the passwd and group files of an image. Pure; the files are hostile input. */
import { TsbuildError, type ErrorCode } from '../util/errors.js';
import { toByteString } from '../util/bytes.js';
import type { User } from './types.js';

/** Bytes of /etc/passwd and /etc/group of the image; undefined where they are absent. */
export interface UserFiles {
  readonly passwd?: Uint8Array | undefined;
  readonly group?: Uint8Array | undefined;
}

/** Larger files are refused. */
export const maximumFileSize = 10 << 20;
/** 4294967295 means "unchanged" to the kernel. */
const maximumId = 4294967294;

/**
 * Resolves the USER of an image: '', `user` or `user:group`, each a name or a number. As libcontainer does: a user
 * alone, by name or by number, brings the primary and supplementary groups of its passwd entry; a number without
 * entry has group 0; with a group given, that is the only one. Throws `run`.
 */
export function resolveUser(spec: string, files: UserFiles): User {
  const { user, group } = split(spec);
  const entry = findUser(user === '' ? '0' : user, files.passwd, 'run');
  const uid = entry?.uid ?? idOf(user === '' ? '0' : user) ?? unknown('user', user, 'run');
  const home = entry?.home ?? '/';
  if (group !== '') {
    const gid = findGroup(group, files.group, 'run');
    return { uid, gid, groups: [gid], home };
  }
  const gid = entry?.gid ?? 0;
  const supplementary =
    idOf(user) !== undefined && entry === undefined ? [] : groupsWith(entry?.name, files.group);
  return { uid, gid, groups: [...new Set([gid, ...supplementary])], home };
}

/**
 * Resolves `--chown` of COPY and ADD: `user`, `user:group` or `:group`. A number alone is the group too; a name alone
 * brings its primary group; `user:` has group 0; `root` and `:group` need no passwd file. Throws `copy` for names
 * that the files do not have.
 */
export function resolveOwner(spec: string, files: UserFiles): { readonly uid: number; readonly gid: number } {
  const { user, group, separated } = split(spec);
  const number = idOf(user);
  const name = toByteString(user);
  const entry = user === '' || number !== undefined ? undefined : findByName(name, files.passwd, 'copy');
  const root = user === '' || (user === 'root' && entry === undefined);
  const uid = root ? 0 : (number ?? entry?.uid ?? unknown('user', user, 'copy'));
  if (group !== '') return { uid, gid: ownerGroup(group, files.group) };
  if (separated) return { uid, gid: 0 };
  return { uid, gid: number ?? entry?.gid ?? 0 };
}

function ownerGroup(group: string, file: Uint8Array | undefined): number {
  const number = idOf(group);
  if (number !== undefined) return number;
  const entry = groupEntries(file, 'copy').find(({ name }) => name === toByteString(group));
  if (entry === undefined && group === 'root') return 0;
  return entry?.gid ?? unknown('group', group, 'copy');
}

function split(spec: string): { user: string; group: string; separated: boolean } {
  const colon = spec.indexOf(':');
  if (colon < 0) return { user: spec, group: '', separated: false };
  return { user: spec.slice(0, colon), group: spec.slice(colon + 1), separated: true };
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}
interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The first entry with this name or this number, whichever comes first in the file. */
function findUser(user: string, file: Uint8Array | undefined, code: ErrorCode): PasswdEntry | undefined {
  const [name, number] = [toByteString(user), idOf(user)];
  return passwdEntries(file, code).find((entry) => entry.name === name || entry.uid === number);
}

function findByName(name: string, file: Uint8Array | undefined, code: ErrorCode): PasswdEntry | undefined {
  return passwdEntries(file, code).find((entry) => entry.name === name);
}

function findGroup(group: string, file: Uint8Array | undefined, code: ErrorCode): number {
  const [name, number] = [toByteString(group), idOf(group)];
  const entry = groupEntries(file, code).find((other) => other.name === name || other.gid === number);
  return entry?.gid ?? number ?? unknown('group', group, code);
}

function groupsWith(member: string | undefined, file: Uint8Array | undefined): number[] {
  if (member === undefined) return [];
  return groupEntries(file, 'run')
    .filter(({ members }) => members.includes(member))
    .map(({ gid }) => gid);
}

/** passwd(5). Lines whose numbers are not numbers are passed over. */
function passwdEntries(file: Uint8Array | undefined, code: ErrorCode): PasswdEntry[] {
  return lines(file, '/etc/passwd', code).flatMap(
    ([name = '', , uidText = '', gidText = '', , home = '']) => {
      const [uid, gid] = [idOf(uidText), idOf(gidText)];
      return uid === undefined || gid === undefined
        ? []
        : [{ name, uid, gid, home: home === '' ? '/' : home }];
    },
  );
}

/** group(5). */
function groupEntries(file: Uint8Array | undefined, code: ErrorCode): GroupEntry[] {
  return lines(file, '/etc/group', code).flatMap(([name = '', , gidText = '', members = '']) => {
    const gid = idOf(gidText);
    return gid === undefined ? [] : [{ name, gid, members: members.split(',') }];
  });
}

function lines(file: Uint8Array | undefined, path: string, code: ErrorCode): string[][] {
  if (file === undefined) return [];
  if (file.length > maximumFileSize) {
    throw new TsbuildError(code, `${path} of the image is larger than 10 MiB`);
  }
  const text = Buffer.from(file.buffer, file.byteOffset, file.length).toString('latin1');
  const fields = text.split('\n').map((line) => line.replace(/\r$/, '').split(':'));
  return fields.filter(([name = '']) => name !== '' && !name.startsWith('#'));
}

/** A decimal number that is a possible id; undefined for anything else, such as `-1`, `+1`, `0x0` or `4294967295`. */
function idOf(text: string): number | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= maximumId ? number : undefined;
}

function unknown(kind: 'user' | 'group', name: string, code: ErrorCode): never {
  const file = kind === 'user' ? 'passwd' : 'group';
  throw new TsbuildError(
    code,
    `unable to find ${kind} ${JSON.stringify(name)}: no matching entries in ${file} file`,
    {
      hint: `use a name from /etc/${file} of the image, or a number up to ${maximumId}`,
    },
  );
}
