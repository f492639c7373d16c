import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { readSmallBody } from '../layers/body.js';
import { resolve } from '../layers/resolve.js';
import { createIgnoreMatcher, parseIgnoreFile, type IgnoreMatcher } from '../parser/ignore.js';
import { toByteString } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { Source } from '../util/source.js';
import type { BuildContext } from './build-context.js';

/** Largest Dockerfile or ignore file in bytes. */
export const dockerfileLimit = 1024 * 1024;

export interface DockerfilePlace {
  /** Absolute path of the context folder. */
  readonly context: string;
  /** Absolute path; undefined: `Dockerfile`, then `dockerfile`, of the context. */
  readonly file: string | undefined;
  /** How the user wrote it, for messages. */
  readonly shown: string;
}

/** Paths of a Dockerfile that nobody named, in the order in which they are looked for. */
function defaultPlaces(context: string): readonly string[] {
  return [join(context, 'Dockerfile'), join(context, 'dockerfile')];
}

/** Where the Dockerfile of a folder is by default, whether or not there is one. */
export async function defaultDockerfile(context: string): Promise<string> {
  const places = defaultPlaces(context);
  for (const path of places) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  return places[0] ?? context;
}

/** Reads the Dockerfile of a build from disk. Throws `dockerfile` when there is none or it is too large. */
export async function readDockerfile({
  context,
  file,
  shown,
}: DockerfilePlace): Promise<{ readonly source: Source; readonly path: string }> {
  const candidates = file === undefined ? defaultPlaces(context) : [file];
  for (const path of candidates) {
    const text = await readText(path, { followLink: true });
    if (text !== undefined)
      return { source: { name: file === undefined ? basename(path) : shown, text }, path };
  }
  throw absent(candidates[0] ?? '');
}

/** Reads the Dockerfile of a context that is no folder; links lead nowhere outside of it. Throws `dockerfile`. */
export async function readDockerfileOf(context: BuildContext, file: string | undefined): Promise<Source> {
  const files = await context.files();
  for (const path of file === undefined ? ['Dockerfile', 'dockerfile'] : [file]) {
    const { node } = resolve(files.tree, toByteString(path));
    if (node === undefined) continue;
    if (node.kind !== 'file')
      throw new TsbuildError('dockerfile', `${JSON.stringify(path)} is not a regular file`);
    if (node.size > dockerfileLimit)
      throw new TsbuildError('dockerfile', `${JSON.stringify(path)} is larger than ${dockerfileLimit} bytes`);
    await files.hash([node]);
    const text = (await readSmallBody(files.body(node), dockerfileLimit)).toString('utf8');
    return { name: path, text };
  }
  throw absent(`${context.shown}: ${file ?? 'Dockerfile'}`);
}

function absent(where: string): TsbuildError {
  return new TsbuildError('dockerfile', `there is no Dockerfile at ${JSON.stringify(where)}`, {
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
    return parseIgnoreFile(text, shownPath(context, explicit));
  }
  const places = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(context, '.dockerignore'),
  ];
  for (const path of places) {
    const text = await readText(path, { followLink: false });
    if (text !== undefined) return parseIgnoreFile(text, shownPath(context, path));
  }
  return createIgnoreMatcher([]);
}

/** Relative to the context inside of it, else the name alone. */
function shownPath(context: string, path: string): string {
  const inside = relative(context, path);
  return inside.startsWith('..') ? basename(path) : inside;
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
        throw new TsbuildError('dockerfile', `${JSON.stringify(path)} is not a regular file`, {
          hint: 'a Dockerfile from a pipe is read from standard input with -f -',
        });
      if (status.size > dockerfileLimit)
        throw new TsbuildError(
          'dockerfile',
          `${JSON.stringify(path)} is larger than ${dockerfileLimit} bytes`,
        );
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TsbuildError) throw error;
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
