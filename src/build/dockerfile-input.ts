import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseIgnoreFile, type IgnoreMatcher } from '../parser/ignore.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { Source } from '../util/source.js';

/** Largest Dockerfile or ignore file in bytes. */
const limit = 1024 * 1024;

export interface DockerfilePlace {
  /** Absolute path of the context folder. */
  readonly context: string;
  /** Absolute path; undefined: `Dockerfile`, then `dockerfile`, of the context. */
  readonly file: string | undefined;
  /** How the user wrote it, for messages. */
  readonly shown: string;
}

/** Reads the Dockerfile of a build from disk. Throws `dockerfile` when there is none or it is too large. */
export async function readDockerfile({
  context,
  file,
  shown,
}: DockerfilePlace): Promise<{ readonly source: Source; readonly path: string }> {
  const candidates = file === undefined ? [join(context, 'Dockerfile'), join(context, 'dockerfile')] : [file];
  for (const path of candidates) {
    const text = await readText(path, { followLink: true });
    if (text !== undefined)
      return { source: { name: file === undefined ? basename(path) : shown, text }, path };
  }
  throw new TsbuildError('dockerfile', `there is no Dockerfile at ${JSON.stringify(candidates[0])}`, {
    hint: 'name it with -f FILE, or give the folder that holds it as the context',
  });
}

/**
 * The ignore rules of a context: `<Dockerfile>.dockerignore` beside the Dockerfile replaces `.dockerignore` of the
 * context; `explicit` (an absolute path) replaces both. A link is refused inside the context: it could point anywhere.
 */
export async function readIgnoreFile(
  context: string,
  {
    dockerfile,
    explicit,
  }: { readonly dockerfile: string | undefined; readonly explicit: string | undefined },
): Promise<IgnoreMatcher> {
  if (explicit !== undefined) {
    const text = await readText(explicit, { followLink: true });
    if (text === undefined)
      throw new TsbuildError('usage', `there is no ignore file ${JSON.stringify(explicit)}`);
    return parseIgnoreFile(text);
  }
  const beside =
    dockerfile === undefined
      ? undefined
      : await readText(`${dockerfile}.dockerignore`, { followLink: false });
  return parseIgnoreFile(
    beside ?? (await readText(join(context, '.dockerignore'), { followLink: false })) ?? '',
  );
}

/** Undefined when there is no such file. */
async function readText(
  path: string,
  { followLink }: { readonly followLink: boolean },
): Promise<string | undefined> {
  try {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLink ? 0 : constants.O_NOFOLLOW);
    const handle = await open(path, flags);
    try {
      const status = await handle.stat();
      if (!status.isFile())
        throw new TsbuildError('dockerfile', `${JSON.stringify(path)} is not a regular file`);
      if (status.size > limit)
        throw new TsbuildError('dockerfile', `${JSON.stringify(path)} is larger than ${limit} bytes`);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP')
      throw new TsbuildError(
        'dockerfile',
        `${JSON.stringify(path)} is a symbolic link, which is not followed`,
      );
    if (code === undefined) throw error;
    throw new TsbuildError('dockerfile', `cannot read ${JSON.stringify(path)}: ${code}`, { cause: error });
  }
}

/** Throws `context` unless the path is a folder. */
export async function checkContext(path: string, shown: string): Promise<void> {
  const status = await lstat(path).catch(() => undefined);
  const directory = status?.isSymbolicLink() ? await lstat(join(path, '.')).catch(() => undefined) : status;
  if (directory?.isDirectory()) return;
  throw new TsbuildError('context', `the build context ${JSON.stringify(shown)} is not a folder`, {
    hint: 'the last argument of tsbuild is a folder, such as . for the current one',
  });
}
