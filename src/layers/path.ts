import { fromByteString } from '../util/bytes.js';

/** The names of a path; empty ones and `.` are dropped, `..` is kept. */
export function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** The same path without empty names and `.`. A path that has none is not taken apart: it may be very long. */
export function plainPath(path: string): string {
  return /^\.?\/|\/\.?$|\/\.?\/|^\.$/.test(path) ? namesOf(path).join('/') : path;
}

/** Lexical form without `.`, `..` (clamped at the root), doubled or outer slashes: Go's `path.Clean("/" + path)[1:]`. */
export function cleanPath(path: string): string {
  const names: string[] = [];
  for (const name of namesOf(path)) {
    if (name === '..') names.pop();
    else names.push(name);
  }
  return names.join('/');
}

/** `name` inside the directory `parent`; '' is the root. */
export function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Order by byte: byte strings have one byte in each code unit. */
export function byName(a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

// C1 controls and bidirectional overrides, which JSON leaves as they are.
const invisible = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Longer names, which only hostile input has, are cut in messages. */
const longest = 500;

/** A path or name for a message: quoted, with everything escaped that could disturb a terminal. */
export function quoted(path: string): string {
  const rest = path.length > longest ? '…' : '';
  const text = JSON.stringify(fromByteString(path.slice(0, longest)) + rest);
  return text.replace(invisible, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As `quoted`, with the leading slash that people expect of a path from the root. */
export function quotedPath(path: string): string {
  return quoted(`/${path}`);
}
