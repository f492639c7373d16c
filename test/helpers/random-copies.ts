/** Random folders and random COPY and ADD lines that fit them, from a seed. */
import { chmodSync, chownSync, linkSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Numbers that only the seed decides. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below `limit`. */
  below(limit: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** True in `percent` of a hundred cases. */
  percent(percent: number): boolean {
    return this.below(100) < percent;
  }

  one<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0];
  }
}

interface Entry {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly mode: number;
  /** Content, or target. */
  readonly text: string;
  readonly owner: number;
}

/** A random folder: entries in the order in which they can be made. */
export type Folder = readonly Entry[];

const names = ['a', 'b', 'c', 'd.txt', 'e.txt', 'lib', 'x y', '.hidden', 'ü'] as const;

export function randomFolder(chance: Chance): Folder {
  const entries: Entry[] = [];
  const fill = (parent: string, depth: number): void => {
    const used = new Set<string>();
    for (let count = 1 + chance.below(4); count > 0; count--) {
      const name = chance.one(names);
      if (used.has(name)) continue;
      used.add(name);
      const entry = randomEntry(chance, { parent, name, depth }, entries);
      entries.push(entry);
      if (entry.kind === 'directory') fill(entry.path, depth + 1);
    }
  };
  fill('', 0);
  return entries;
}

function randomEntry(
  chance: Chance,
  { parent, name, depth }: { readonly parent: string; readonly name: string; readonly depth: number },
  made: Folder,
): Entry {
  const path = parent === '' ? name : `${parent}/${name}`;
  const owner = chance.percent(20) ? 7 : 0;
  const dice = chance.below(100);
  if (dice < 35 && depth < 3) {
    return { path, kind: 'directory', mode: chance.one([0o755, 0o755, 0o700, 0o1777]), text: '', owner };
  }
  if (dice < 50) {
    const target = chance.one(['a', 'b', '../a', '/lib', '/a', 'nowhere', '.', '../../b']);
    return { path, kind: 'symlink', mode: 0o777, text: target, owner };
  }
  const file = made.findLast(({ kind }) => kind === 'file');
  if (dice < 55 && file !== undefined) {
    return { path, kind: 'hardlink', mode: file.mode, text: file.path, owner: file.owner };
  }
  const mode = chance.one([0o644, 0o644, 0o600, 0o755, 0o4755, 0o2711]);
  return { path, kind: 'file', mode, text: chance.one(['', 'one\n', 'two\n']), owner };
}

/** Writes a folder; its times lie in the past, each with its own. `owners` needs root. */
export function writeFolder(root: string, folder: Folder, { owners }: { readonly owners: boolean }): void {
  mkdirSync(root, { recursive: true });
  for (const entry of folder) writeEntry(join(root, entry.path), entry, root);
  for (const [index, { path, kind, mode, owner }] of [...folder.entries()].toReversed()) {
    const target = join(root, path);
    if (owners && kind !== 'symlink') chownSync(target, owner, owner + 1);
    if (kind === 'directory' || kind === 'file') chmodSync(target, mode);
    if (kind !== 'hardlink') lutimesSync(target, 1_600_000_000, 1_600_000_000 + index);
  }
}

function writeEntry(target: string, { kind, text }: Entry, root: string): void {
  if (kind === 'directory') mkdirSync(target);
  else if (kind === 'symlink') symlinkSync(text, target);
  else if (kind === 'hardlink') linkSync(join(root, text), target);
  else writeFileSync(target, text);
}

/** What a line can name: the folders that it copies from and onto. */
export interface Surroundings {
  readonly context: Folder;
  /** Of the stage `src`. */
  readonly stage: Folder;
  /** What is copied onto. */
  readonly base: Folder;
}

/**
 * A COPY or ADD line, in JSON form for the sake of blanks. --exclude goes with folders only: BuildKit does not ask it
 * for files that a word names or matches.
 */
export function randomLine(chance: Chance, { context, stage, base }: Surroundings): string {
  const keyword = chance.percent(80) ? 'COPY' : 'ADD';
  const fromStage = keyword === 'COPY' && chance.percent(35);
  const source = fromStage ? stage : context;
  const folders = chance.percent(25);
  const count = chance.percent(75) ? 1 : 2 + chance.below(2);
  const sources = Array.from({ length: count }, () =>
    folders ? anyPath(chance, source, ({ kind }) => kind === 'directory') : randomSource(chance, source),
  );
  const flags = [
    ...(fromStage ? ['--from=src'] : []),
    ...(chance.percent(20) ? [`--chown=${chance.one(['1:2', '7', '0', '3000:0'])}`] : []),
    ...(chance.percent(20)
      ? [`--chmod=${chance.one(['755', '0600', '4711', '1755', 'u=rwX,go=rX', 'a+x'])}`]
      : []),
    ...(chance.percent(15) ? ['--link'] : []),
    ...(folders && chance.percent(40)
      ? [`--exclude=${chance.one(['a', '*.txt', '**/b', 'lib', '.*', '*/a'])}`]
      : []),
  ];
  return [keyword, ...flags, JSON.stringify([...sources, randomDestination(chance, base)])].join(' ');
}

function randomSource(chance: Chance, folder: Folder): string {
  const path = anyPath(chance, folder, () => true);
  const dice = chance.below(100);
  const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
  if (dice < 45) return path;
  if (dice < 52) return `${path}/`;
  if (dice < 58) return `/${path}`;
  if (dice < 63) return `./${path}`;
  if (dice < 68) return chance.one(['.', './', '/']);
  if (dice < 78) return `${parent}*`;
  if (dice < 84) return `${path.slice(0, -1)}?`;
  if (dice < 90) return `${parent}[a-d]*`;
  if (dice < 94) return '*/*';
  if (dice < 97) return 'nothing*';
  return `${path}/../${path}`;
}

function randomDestination(chance: Chance, base: Folder): string {
  const dice = chance.below(100);
  if (dice < 15) return chance.one(['.', './', '/', 'rel', 'rel/', '..', '']);
  if (dice < 30) return chance.one(['/new', '/new/', '/new/.', '/deep/er/new', '/deep/er/new/']);
  const wanted = chance.one(['directory', 'directory', 'directory', 'symlink', 'file'] as const);
  const path = anyPath(chance, base, ({ kind }) => kind === wanted);
  const end = chance.one(['', '/', '/', '/made', '/made/']);
  return `/${path}${wanted === 'file' ? '' : end}`;
}

function anyPath(chance: Chance, folder: Folder, wanted: (entry: Entry) => boolean): string {
  const found = folder.filter(wanted);
  return found[chance.below(Math.max(1, found.length))]?.path ?? 'a';
}
