import { readFile, stat } from 'node:fs/promises';
import { isGitContext, describeGit, parseGitUrl } from '../remote/git-url.js';
import { createIgnoreMatcher } from '../parser/ignore.js';
import { redactUrl } from '../registry/redact.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { once } from '../util/once.js';
import type { Source } from '../util/source.js';
import type { BuildContext, ContextTools } from './build-context.js';
import { spool, tarContext } from './context-tar.js';
import { dockerfileLimit } from './dockerfile-input.js';

/** Ignore rules count for folders only, as with BuildKit. */
const everything = createIgnoreMatcher([]);

/** What a context argument turned out to be. */
export type OpenedContext =
  /** A folder of this machine, which has ignore rules of its own. */
  | { readonly kind: 'folder'; readonly path: string }
  /** An archive or a repository. */
  | { readonly kind: 'files'; readonly context: BuildContext }
  /** A Dockerfile alone. */
  | { readonly kind: 'dockerfile'; readonly source: Source };

export interface ContextArgument {
  /** As the user wrote it: a path, a URL, or `-` for standard input. */
  readonly text: string;
  /** The same as an absolute path, for paths. */
  readonly path: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Whether the data of git stay in a repository: BUILDKIT_CONTEXT_KEEP_GIT_DIR. */
  readonly keepGitDir?: boolean | undefined;
}

/** Finds out what a context is. Repositories are fetched later. Throws `context` and `usage`. */
export async function openContext(argument: ContextArgument, tools: ContextTools): Promise<OpenedContext> {
  const { text, path, stdin } = argument;
  if (text === '-') return standardInput(stdin, tools);
  if (isGitContext(text)) return { kind: 'files', context: gitContext(argument, tools) };
  if (/^https?:\/\//i.test(text)) return httpContext(text, tools);
  const scheme = /^([a-z][a-z0-9+.-]*):(?:\/\/|:)/i.exec(text)?.[1];
  if (scheme !== undefined)
    throw new TsbuildError('usage', `a build context cannot be ${JSON.stringify(`${scheme}:`)}`, {
      hint: 'give a folder, a tar, an http URL or a git URL',
    });
  return localContext(text, { path, tools });
}

async function standardInput(stdin: AsyncIterable<Uint8Array>, tools: ContextTools): Promise<OpenedContext> {
  const path = tools.temporary.file();
  const size = await spool(stdin, path);
  return archiveOrDockerfile(path, { size, shown: '<stdin>', identity: '-', time: undefined }, tools);
}

async function httpContext(url: string, tools: ContextTools): Promise<OpenedContext> {
  const { http } = await tools.remotes();
  const file = await http.file({ url });
  const shown = redactUrl(url);
  const seconds = Math.floor(file.modified / 1000);
  // without Last-Modified a download has no time
  const time = seconds === 0 ? undefined : () => Promise.resolve(seconds);
  return archiveOrDockerfile(http.path(file), { size: file.size, shown, identity: shown, time }, tools);
}

/** A file by its content: a tar is a context, a short text a Dockerfile. */
async function archiveOrDockerfile(
  path: string,
  { size, ...about }: { readonly size: number } & Omit<BuildContext, 'files' | 'ignore'>,
  { temporary }: ContextTools,
): Promise<OpenedContext> {
  const files = await tarContext(path, temporary);
  if (files !== undefined)
    return { kind: 'files', context: { ...about, ignore: everything, files: () => Promise.resolve(files) } };
  if (size > dockerfileLimit) {
    throw new TsbuildError(
      'context',
      `${JSON.stringify(about.shown)} is no tar, and too large for a Dockerfile`,
    );
  }
  return { kind: 'dockerfile', source: { name: about.shown, text: await readFile(path, 'utf8') } };
}

function gitContext({ text, keepGitDir }: ContextArgument, { remotes }: ContextTools): BuildContext {
  const parsed = parseGitUrl(text);
  const source = { ...parsed, keepGitDir: keepGitDir ?? parsed.keepGitDir };
  const checkout = once(async () => (await remotes()).git.checkout(source));
  const shown = describeGit(source);
  return {
    shown,
    identity: shown,
    ignore: everything,
    files: async () => (await checkout()).files,
    time: async () => (await checkout()).time,
  };
}

async function localContext(
  text: string,
  { path, tools }: { readonly path: string; readonly tools: ContextTools },
): Promise<OpenedContext> {
  const status = await stat(path).catch((error: unknown) => {
    throw unreadable(text, error);
  });
  if (status.isDirectory()) return { kind: 'folder', path };
  const files = status.isFile() ? await tarContext(path, tools.temporary) : undefined;
  if (files !== undefined) {
    const context = {
      shown: text,
      identity: path,
      ignore: everything,
      files: () => Promise.resolve(files),
      time: undefined,
    };
    return { kind: 'files', context };
  }
  const problem = `the build context ${JSON.stringify(text)} is neither a folder nor a tar`;
  throw new TsbuildError('context', problem, {
    hint: 'a build context is a folder, such as . for the current one',
  });
}

function unreadable(text: string, error: unknown): TsbuildError {
  const code = errnoCode(error);
  const absent = code === 'ENOENT' || code === 'ENOTDIR';
  const problem = absent ? 'does not exist' : `cannot be read: ${code ?? 'it cannot be looked at'}`;
  return new TsbuildError('context', `the build context ${JSON.stringify(text)} ${problem}`, {
    hint: absent ? 'give a folder that is there, such as . for the current one' : undefined,
    cause: error,
  });
}
