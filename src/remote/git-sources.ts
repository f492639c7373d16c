import { lstat, lutimes, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { scanContext, type ScannedContext } from '../layers/scan-context.js';
import type { Directory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { describeGit, type GitSource } from './git-url.js';
import type { Authorize } from './source-secrets.js';
import { GitFailure, runGit, type GitEnvironment } from './run-git.js';

export interface GitSourcesOptions {
  readonly environment: GitEnvironment;
  /** A new empty folder that lives until the build ends. */
  readonly folder: () => Promise<string>;
  readonly job: Job;
  /** Signs in at http URLs without user information. */
  readonly authorize?: Authorize | undefined;
}

/** A commit that was fetched: its files, and when it was made (seconds since 1970). */
export interface Checkout {
  readonly files: ScannedContext;
  readonly time: number;
}

/** Git repositories, by the git program. Each question is asked once per build. */
export class GitSources {
  readonly #commits = new Map<string, Promise<string>>();
  readonly #checkouts = new Map<string, Promise<Checkout>>();

  constructor(private readonly options: GitSourcesOptions) {}

  /** The commit that a source means now (40 or 64 hex digits). Throws `context`. */
  commit(source: GitSource): Promise<string> {
    return memoised(this.#commits, JSON.stringify([source.url, source.ref, source.commit]), () =>
      this.#told(`resolve git ${describeGit(source)}`, () => this.#resolve(source)),
    );
  }

  /** The files of that commit. Throws `context`. */
  checkout(source: GitSource): Promise<Checkout> {
    return memoised(this.#checkouts, JSON.stringify(source), async () => {
      const commit = await this.commit(source);
      return this.#told(`fetch git ${describeGit(source)}`, () => this.#checkOut(source, commit));
    });
  }

  async #resolve(source: GitSource): Promise<string> {
    const { ref } = source;
    const commit = isCommit(ref) ? ref : await this.#lookUp(source);
    if (source.commit === undefined || commit.startsWith(source.commit)) return commit;
    throw new TsbuildError(
      'context',
      `${JSON.stringify(describeGit(source))} is the commit ${commit}, not ${source.commit} as its checksum says`,
    );
  }

  async #lookUp(source: GitSource): Promise<string> {
    const wanted = source.ref === '' ? ['HEAD'] : candidates(source.ref);
    const output = await this.#git(['ls-remote', '--', source.url, ...wanted], {
      source,
      cwd: await this.options.folder(),
    });
    const found = new Map(
      output
        .toString('utf8')
        .split('\n')
        .map((line) => line.split('\t'))
        .map(([commit = '', name = '']): [string, string] => [name, commit]),
    );
    const commit = wanted.map((name) => found.get(name)).find((known) => known !== undefined);
    if (commit !== undefined && isCommit(commit)) return commit;
    const what = source.ref === '' ? 'a HEAD' : `a branch or tag ${JSON.stringify(source.ref)}`;
    throw new TsbuildError('context', `the repository ${JSON.stringify(source.url)} does not have ${what}`, {
      hint: 'a commit must be given with all of its digits',
    });
  }

  async #checkOut(source: GitSource, commit: string): Promise<Checkout> {
    const cwd = join(await this.options.folder(), 'checkout');
    await mkdir(cwd, { mode: 0o700 });
    const git = (...args: readonly string[]) => this.#git(args, { source, cwd });
    await git('init', '--quiet', '--template=', ...objectFormat(commit));
    await git('config', 'remote.origin.url', source.url);
    await this.#fetch(source, commit, cwd);
    await git('checkout', '--quiet', '--force', '--detach', commit, '--');
    if (source.submodules && (await exists(join(cwd, '.gitmodules'))))
      await git('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1', '--checkout');
    const time = committerTime(await git('cat-file', 'commit', commit));
    if (source.commitTime) await setTimes(cwd, time);
    return { files: await scanned(source, cwd), time };
  }

  /** One commit where the server allows to ask for it, else everything that the reference or the repository has. */
  async #fetch(source: GitSource, commit: string, cwd: string): Promise<void> {
    const fetch = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
    try {
      await this.#git([...fetch, '--depth=1', '--', 'origin', commit], { source, cwd });
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      const refs = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
      await this.#git([...fetch, '--', 'origin', ...refs], { source, cwd });
    }
  }

  #git(
    args: readonly string[],
    { source, cwd }: { readonly source: GitSource; readonly cwd: string },
  ): Promise<Buffer> {
    const { environment, job } = this.options;
    const { url, credentials } = source;
    const protocols = ['https', 'ssh', 'git', ...(url.startsWith('http:') ? ['http'] : [])];
    const header = this.#header(url, credentials);
    const authorization = header === undefined ? undefined : { origin: new URL(url).origin, header };
    return runGit(args, { cwd, environment, protocols, authorization, signal: job.signal });
  }

  #header(url: string, credentials: GitSource['credentials']): string | undefined {
    if (!/^https?:/.test(url)) return undefined;
    if (credentials === undefined) return this.options.authorize?.(new URL(url));
    const { username, password } = credentials;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  async #told<T>(step: string, work: () => Promise<T>): Promise<T> {
    const { job } = this.options;
    job.emit({ kind: 'declared', step, name: `[internal] ${step}` });
    job.emit({ kind: 'started', step });
    const result = await work();
    job.emit({ kind: 'finished', step, outcome: 'done' });
    return result;
  }
}

function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** What a short name may mean, in order: a branch before a tag, the commit of an annotated tag before the tag. */
function candidates(ref: string): readonly string[] {
  if (ref.startsWith('refs/') || ref === 'HEAD') return [`${ref}^{}`, ref];
  return [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/${ref}`];
}

function objectFormat(commit: string): readonly string[] {
  return commit.length === 64 ? ['--object-format=sha256'] : [];
}

/** Seconds since 1970, from a raw commit; porcelain commands would read a repository's own settings. */
function committerTime(commit: Buffer): number {
  return Number(/^committer .* (\d+) [+-]\d{4}$/m.exec(commit.toString('latin1'))?.[1] ?? 0);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Gives everything of a checkout the time of its commit, so that equal commits give equal layers. */
async function setTimes(folder: string, time: number): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await setTimes(path, time);
    else await lutimes(path, time, time);
  }
  await lutimes(folder, time, time);
}

/** The wanted folder; git's own data, those of submodules too, only when they are to be kept. */
async function scanned(source: GitSource, cwd: string): Promise<ScannedContext> {
  const isGitData = (path: string) => !source.keepGitDir && /(?:^|\/)\.git$/.test(path);
  const files = await scanContext(toByteString(cwd), {
    match: (path) => ({ excluded: isGitData(path) }),
    mayIncludeBelow: () => false,
  });
  const tree = folderOf(files.tree, source);
  const data = files.tree.entries.get('.git');
  const kept: Directory =
    data === undefined || tree === files.tree
      ? tree
      : { ...tree, entries: new Map([['.git', data], ...tree.entries]) };
  return { ...files, tree: kept, excluded: new Map() };
}

/** Each name on the way must be a folder of the repository: a link could lead anywhere. */
function folderOf(root: Directory, source: GitSource): Directory {
  let folder = root;
  for (const name of source.subdir.split('/').filter((part) => part !== '')) {
    const next = folder.entries.get(toByteString(name));
    if (next?.kind !== 'directory') {
      throw new TsbuildError(
        'context',
        `${JSON.stringify(source.subdir)} is no folder of ${JSON.stringify(source.url)}`,
        {
          hint: 'symbolic links on the way to it are not followed',
        },
      );
    }
    folder = next;
  }
  return folder;
}

function memoised<T>(memo: Map<string, Promise<T>>, key: string, compute: () => Promise<T>): Promise<T> {
  const known = memo.get(key);
  if (known !== undefined) return known;
  const promise = compute();
  memo.set(key, promise);
  return promise;
}
