/** A small project that is built, changed in one place, and built again: what missed, and what was said about it. */
import { execFileSync } from 'node:child_process';
import { chmod, chown, link, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Platform } from '../../src/oci/platform.js';
import { createIgnoreMatcher } from '../../src/parser/ignore.js';
import { applyAttributes } from '../../src/sys/attributes.js';
import { toByteString } from '../../src/util/bytes.js';
import { FakeBuild, type FakeOptions, type FakeResult } from './fake-build.js';

/** What a case may change between the two builds. */
export interface Project {
  text: string;
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  platform: Platform;
  bases: Record<string, object>;
  ignore: string[];
  baseLayers: Record<string, readonly string[]>;
  /** What else the command line says. */
  more: Pick<FakeOptions, 'network' | 'entitlements' | 'limits' | 'extraHosts' | 'secrets'>;
  /** Of the folder that is the build context. */
  readonly files: ProjectFiles;
}

export interface ProjectFiles {
  write(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  mode(path: string, mode: number): Promise<void>;
  owner(path: string, uid: number, gid: number): Promise<void>;
  symlink(path: string, target: string): Promise<void>;
  hardLink(path: string, existing: string): Promise<void>;
  folder(path: string): Promise<void>;
  touch(path: string, seconds: number): Promise<void>;
  attribute(path: string, value: string): Promise<void>;
  fifo(path: string): Promise<void>;
}

const dockerfile = `FROM base AS build
ENV A=1 B=2
ARG VERSION=1
WORKDIR /src
COPY package.json ./
RUN write deps 1
COPY --chown=1:2 --chmod=640 app lib/
RUN write out 1
FROM other AS final
COPY --from=build /out /
COPY <<conf /etc/
text
conf
RUN write last 1`;

/** Replaces one part of the Dockerfile. */
export function changeText(from: string, to: string): Change {
  return (project) => {
    if (!project.text.includes(from)) throw new Error(`${JSON.stringify(from)} is not in the Dockerfile`);
    project.text = project.text.replace(from, () => to);
  };
}

export type Change = (project: Project) => unknown;

/** Builds the project after `before`, then again after `change`, in one store. */
export async function rebuilt(
  change: Change,
  before: Change = () => undefined,
): Promise<{ readonly first: FakeResult; readonly second: FakeResult }> {
  const fake = await FakeBuild.open();
  try {
    const project: Project = {
      text: dockerfile,
      buildArgs: {},
      labels: {},
      platform: { os: 'linux', architecture: 'amd64' },
      bases: {},
      ignore: [],
      baseLayers: {},
      more: {},
      files: filesIn(fake.context),
    };
    await project.files.write('package.json', '{}');
    await project.files.write('app/main.js', 'main');
    await project.files.write('app/sub/util.js', 'util');
    await project.files.symlink('app/link', 'main.js');
    await before(project);
    const first = await fake.build(project.text, optionsOf(project));
    await change(project);
    return { first, second: await fake.build(project.text, optionsOf(project)) };
  } finally {
    await fake.close();
  }
}

/** Instructions that were done, in the order in which they stand in the Dockerfile, and why. */
export function misses({ missed }: FakeResult): readonly (readonly [instruction: string, reason: string])[] {
  return [...missed].map(([name, reason]) => [name.replace(/^\[[^\]]*\] /, ''), reason]);
}

function optionsOf({ more, ignore, ...options }: Project): FakeOptions {
  const { buildArgs, labels, platform, bases, baseLayers } = options;
  return { buildArgs, labels, platform, bases, baseLayers, ...more, ignore: createIgnoreMatcher(ignore) };
}

function filesIn(folder: string): ProjectFiles {
  const at = async (path: string): Promise<string> => {
    const full = join(folder, path);
    await mkdir(dirname(full), { recursive: true });
    return full;
  };
  return {
    write: async (path, text) => writeFile(await at(path), text),
    remove: async (path) => rm(await at(path), { recursive: true }),
    mode: async (path, mode) => chmod(await at(path), mode),
    owner: async (path, uid, gid) => chown(await at(path), uid, gid),
    symlink: async (path, target) => symlink(target, await at(path)),
    hardLink: async (path, existing) => link(join(folder, existing), await at(path)),
    folder: async (path) => mkdir(await at(path)),
    touch: async (path, seconds) => utimes(await at(path), seconds, seconds),
    attribute: async (path, value) =>
      applyAttributes([
        { path: toByteString(await at(path)), xattrs: new Map([['user.tag', Buffer.from(value)]]) },
      ]),
    fifo: async (path) => void execFileSync('mkfifo', [await at(path)]),
  };
}
