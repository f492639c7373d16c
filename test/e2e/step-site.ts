/** A workspace with a busybox base in its store, for tests of what RUN steps are given. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { mode, type Declare } from '../helpers/modes.js';
import { isRoot, type Ended, type Running, type RunOptions } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';
import type { FileOf } from '../helpers/scratch.js';

const busybox = isRoot && hasCommandLine ? await findBase('busybox') : undefined;

/** `test` where steps can be run, `test.skip` elsewhere. */
export const stepTest: Declare = busybox === undefined ? test.skip : test;
export const serialStepTest: Declare = busybox === undefined ? test.serial.skip : test.serial;
/** Who owns what was made for the user app: with one id, root. */
export const appId = mode === 'single-id' ? 0 : 1000;

export interface BuildOf {
  readonly files?: Readonly<Record<string, FileOf>>;
  readonly args?: readonly string[];
  readonly env?: RunOptions['env'];
}

export class StepSite {
  #contexts = 0;

  private constructor(readonly workspace: Workspace) {}

  /** `FROM base` is busybox with the users root, app (1000) and nobody. */
  static async open(label: string): Promise<StepSite> {
    const workspace = makeWorkspace(label);
    const site = new StepSite(workspace);
    if (busybox === undefined) return site;
    placeBase(busybox, workspace.path('base'));
    workspace.write({ 'base/Dockerfile': 'FROM scratch\nADD rootfs.tar /\n' });
    const built = await workspace.tsbuild(['build', '-t', 'base', 'base']);
    if (built.code !== 0) throw new Error(built.output);
    // What no step may read or change.
    workspace.write({ 'canary/file': 'CANARY-CONTENT' });
    return site;
  }

  close(): Promise<void> {
    return this.workspace.remove();
  }

  /** Writes a context and gives the arguments of a build of it. */
  prepare(dockerfile: string, { files = {}, args = [] }: BuildOf = {}): { folder: string; argv: string[] } {
    const folder = `context-${this.#contexts++}`;
    const all = { Dockerfile: dockerfile, ...files };
    this.workspace.write(
      Object.fromEntries(Object.entries(all).map(([path, file]) => [`${folder}/${path}`, file])),
    );
    return { folder: this.workspace.path(folder), argv: ['build', '--progress', 'plain', ...args, folder] };
  }

  build(dockerfile: string, options: BuildOf = {}): Promise<Ended> {
    return this.workspace.tsbuild(this.prepare(dockerfile, options).argv, { env: options.env });
  }

  start(dockerfile: string, options: BuildOf = {}): Running {
    return this.workspace.start(this.prepare(dockerfile, options).argv, { env: options.env });
  }

  /** The canary as it is now: names and contents. */
  canary(): string {
    const folder = this.workspace.path('canary');
    return JSON.stringify(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    );
  }

  /** Everything below the store, as one string of bytes per file. */
  *storedFiles(folder = this.workspace.store): Generator<[path: string, bytes: Buffer]> {
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      const path = join(folder, name);
      const status = lstatSync(path);
      if (status.isDirectory()) yield* this.storedFiles(path);
      else if (status.isFile()) yield [path, readFileSync(path)];
    }
  }
}

/** What the steps of a plain-progress build printed, without its prefixes. */
export function printed({ output }: Ended): string {
  return output
    .split('\n')
    .flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? [])
    .join('\n');
}

/** What an untouched canary looks like. */
export const untouched = JSON.stringify([['file', 'CANARY-CONTENT']]);
