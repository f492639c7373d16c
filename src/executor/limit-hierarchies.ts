/** Finds the control group hierarchies that matter for steps in what /proc says. Pure. */
import { posix } from 'node:path';

export type Controller = 'memory' | 'pids' | 'cpu';

/** A place where groups can be made. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** Absolute path of the directory that groups are made in. */
  readonly parent: string;
  /** What limits there. */
  readonly controllers: readonly Controller[];
}

export interface FoundHierarchy {
  readonly version: 1 | 2;
  /** Directories that may serve, the best first. */
  readonly candidates: readonly string[];
  /** Of version 1; with version 2 the directory says it. */
  readonly controllers: readonly Controller[];
}

const wanted: readonly Controller[] = ['memory', 'pids', 'cpu'];

/** From /proc/self/mountinfo and /proc/self/cgroup (proc(5), cgroups(7)). */
export function findHierarchies(mountinfo: string, cgroups: string): readonly FoundHierarchy[] {
  const own = parseCgroups(cgroups);
  return mountinfo.split('\n').flatMap((line): FoundHierarchy[] => {
    const mount = parseMount(line);
    if (mount === undefined) return [];
    const { root, point, type, options } = mount;
    if (type === 'cgroup2') {
      const path = below(root, own.get('') ?? '/');
      return path === undefined
        ? []
        : [{ version: 2, candidates: candidatesOfV2(point, path), controllers: [] }];
    }
    const controllers = wanted.filter((name) => options.includes(name));
    const [first] = controllers;
    const path = first === undefined ? undefined : below(root, own.get(first) ?? '/');
    return path === undefined
      ? []
      : [{ version: 1, candidates: [posix.resolve(`${point}${path}`)], controllers }];
  });
}

/** A group with processes cannot have groups with controllers (cgroups(7)): a sibling of our own comes first. */
function candidatesOfV2(point: string, path: string): string[] {
  const own = posix.resolve(`${point}${path}`);
  return path === '/' ? [own] : [posix.dirname(own), own];
}

interface CgroupMount {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

function parseMount(line: string): CgroupMount | undefined {
  const [left = '', right = ''] = line.split(' - ');
  const [, , , root, point] = left.split(' ');
  const [type, , options = ''] = right.split(' ');
  if (root === undefined || point === undefined) return undefined;
  if (type !== 'cgroup' && type !== 'cgroup2') return undefined;
  return { root: unescape(root), point: unescape(point), type, options: options.split(',') };
}

/** mountinfo writes blanks and backslashes in octal. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Path of this process by controller; version 2 has no name. */
function parseCgroups(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      return names === undefined || path === undefined ? [] : names.split(',').map((name) => [name, path]);
    }),
  );
}

/** A path relative to a mount's root; undefined when it lies elsewhere, as in a container that shares /proc only. */
function below(root: string, path: string): string | undefined {
  if (root === '/') return path;
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}
