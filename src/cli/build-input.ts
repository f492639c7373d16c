import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { BuildContext, ContextTools } from '../build/build-context.js';
import type { BuildInput } from '../build/build.js';
import { folderContext } from '../build/context-folder.js';
import {
  defaultDockerfile,
  dockerfileLimit,
  readDockerfile,
  readDockerfileOf,
  readIgnoreFile,
} from '../build/dockerfile-input.js';
import { contextName, openNamedContext, type NamedContext } from '../build/named-contexts.js';
import { openContext, type OpenedContext } from '../build/open-context.js';
import { assertBuildable } from '../parser/assert-buildable.js';
import { parseLocated } from '../parser/parse.js';
import type { Dockerfile } from '../parser/types.js';
import { TsbuildError } from '../util/errors.js';
import type { Source } from '../util/source.js';
import type { BuildRequest } from './build-request.js';
import { variantsOf } from './build-variants.js';
import type { CliContext } from './context.js';

/** What of a request says where files come from. */
export type ContextRequest = Pick<BuildRequest, 'context' | 'file' | 'ignoreFile' | 'buildArgs'>;

/** Reads and parses what a build starts from. Throws `dockerfile` with all problems of the file, and `context`. */
export async function buildInput(
  request: BuildRequest,
  cli: CliContext,
  tools: ContextTools,
): Promise<BuildInput> {
  const { source, identity, context } = await readSource(request, cli, tools);
  const dockerfile = await parseLocated(source);
  assertBuildable(dockerfile);
  return {
    dockerfile: request.image.from === undefined ? dockerfile : basedOn(request.image.from, dockerfile),
    identity,
    context,
    namedContexts: await namedContexts(request, cli, tools),
    variants: variantsOf(request),
    buildArgs: request.buildArgs,
    labels: request.labels,
    env: request.image.env,
    inheritLabels: request.image.inheritLabels,
    edits: request.image.edits,
    noCache: request.noCache,
    refresh: request.refresh,
    cacheTtl: request.cacheTtl,
    pull: request.pull,
    isolation: request.isolation,
    jobs: request.jobs,
  };
}

/** The file with another word in its first FROM. */
function basedOn(image: string, dockerfile: Dockerfile): Dockerfile {
  const [first, ...others] = dockerfile.stages;
  if (first === undefined) return dockerfile;
  return { ...dockerfile, stages: [{ ...first, from: { ...first.from, image } }, ...others] };
}

export interface BuildSource {
  readonly source: Source;
  /** Tells the Dockerfile from others. */
  readonly identity: string;
  /** Undefined: the Dockerfile came alone. */
  readonly context: BuildContext | undefined;
}

/** Opens the context and reads the Dockerfile, wherever it is. */
async function readSource(
  request: ContextRequest,
  cli: CliContext,
  tools: ContextTools,
): Promise<BuildSource> {
  const opened = await openRequested(request, cli, tools);
  if (opened.kind === 'folder') return readFolder({ request, path: opened.path }, cli, tools);
  refuseFolderOptions(request, opened);
  if (opened.kind === 'dockerfile') {
    return { source: opened.source, identity: `${opened.source.name}/Dockerfile`, context: undefined };
  }
  const { context } = opened;
  await warnOfIgnoreFile(context, tools);
  const fromStdin = request.file === '-';
  const source = fromStdin ? await readStdin(cli.stdin) : await readDockerfileOf(context, request.file);
  return { source, identity: `${context.identity}/${fromStdin ? '<stdin>' : source.name}`, context };
}

async function readFolder(
  { request, path }: FolderRequest,
  cli: CliContext,
  tools: ContextTools,
): Promise<BuildSource> {
  const read =
    request.file === '-'
      ? { source: await readStdin(cli.stdin), path: undefined }
      : await readDockerfile({
          context: path,
          file: request.file === undefined ? undefined : resolve(cli.cwd, request.file),
          shown: request.file ?? 'Dockerfile',
        });
  const context = await openFolder({ request, path }, read.path, { cli, tools });
  return { source: read.source, identity: read.path ?? `${path}/<stdin>`, context };
}

interface FolderRequest {
  readonly request: ContextRequest;
  /** Absolute. */
  readonly path: string;
}

/** A folder with the ignore rules that count for a Dockerfile. */
async function openFolder(
  { request, path }: FolderRequest,
  dockerfile: string | undefined,
  { cli, tools }: { readonly cli: CliContext; readonly tools: ContextTools },
): Promise<BuildContext> {
  const explicit = request.ignoreFile === undefined ? undefined : resolve(cli.cwd, request.ignoreFile);
  const ignore = await readIgnoreFile(path, { dockerfile, explicit });
  return folderContext({ path, shown: request.context, ignore }, tools);
}

/** The files that a build would take, without looking at its Dockerfile. Throws `context` and `usage`. */
export async function openFiles(
  request: ContextRequest,
  cli: CliContext,
  tools: ContextTools,
): Promise<BuildContext> {
  const opened = await openRequested(request, cli, tools);
  if (opened.kind === 'folder') {
    const { path } = opened;
    const file = request.file === undefined ? await defaultDockerfile(path) : resolve(cli.cwd, request.file);
    return openFolder({ request, path }, request.file === '-' ? undefined : file, { cli, tools });
  }
  refuseFolderOptions(request, opened);
  if (opened.kind === 'files') return opened.context;
  throw new TsbuildError('context', 'a Dockerfile alone has no build context');
}

function openRequested(
  { context, buildArgs }: ContextRequest,
  cli: CliContext,
  tools: ContextTools,
): Promise<OpenedContext> {
  const path = resolve(cli.cwd, context);
  const stdin = cli.stdin as AsyncIterable<Uint8Array>;
  const keep = buildArgs.get('BUILDKIT_CONTEXT_KEEP_GIT_DIR');
  const keepGitDir = keep === undefined ? undefined : /^(?:1|t|true)$/i.test(keep);
  return openContext({ text: context, path, stdin, keepGitDir }, tools);
}

/** Options that only a folder, or only a context with files, can have. */
function refuseFolderOptions({ file, ignoreFile }: ContextRequest, { kind }: OpenedContext): void {
  const wrong =
    ignoreFile !== undefined
      ? '--ignorefile'
      : kind === 'dockerfile' && file !== undefined
        ? '--file'
        : undefined;
  if (wrong === undefined) return;
  const why = kind === 'dockerfile' ? 'is a Dockerfile itself' : 'is no folder';
  throw new TsbuildError('usage', `${wrong} cannot be used with a build context that ${why}`);
}

/** As BuildKit, though its documentation says otherwise: what was published on purpose is taken whole. */
async function warnOfIgnoreFile({ shown, files }: BuildContext, { job }: ContextTools): Promise<void> {
  if (!(await files()).tree.entries.has('.dockerignore')) return;
  const message = `the .dockerignore of ${shown} does not count: it counts in folders only`;
  job.emit({ kind: 'warning', message });
}

async function namedContexts(
  { buildContexts }: BuildRequest,
  { cwd }: CliContext,
  tools: ContextTools,
): Promise<ReadonlyMap<string, NamedContext>> {
  const opened = new Map<string, NamedContext>();
  for (const [name, value] of buildContexts) {
    const absolute = (path: string) => resolve(cwd, path);
    opened.set(contextName(name), await openNamedContext({ name, value, absolute }, tools));
  }
  return opened;
}

async function readStdin(stdin: Readable): Promise<Source> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > dockerfileLimit) {
      throw new TsbuildError(
        'dockerfile',
        `the Dockerfile on standard input is larger than ${dockerfileLimit} bytes`,
      );
    }
    chunks.push(bytes);
  }
  return { name: '<stdin>', text: Buffer.concat(chunks).toString('utf8') };
}
