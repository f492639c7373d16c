import type { Readable } from 'node:stream';
import { resolve } from 'node:path';
import type { BuildInput } from '../build/build.js';
import { checkContext, readDockerfile, readIgnoreFile } from '../build/dockerfile-input.js';
import { assertBuildable } from '../parser/assert-buildable.js';
import { parseDockerfile } from '../parser/parse.js';
import type { Source } from '../util/source.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';

/** Largest Dockerfile on standard input, in bytes. */
const limit = 1024 * 1024;

/** Reads and parses what a build starts from. Throws `dockerfile` with all problems of the file, and `context`. */
export async function buildInput(request: BuildRequest, { cwd, stdin }: CliContext): Promise<BuildInput> {
  const onlyDockerfile = request.context === '-';
  const context = resolve(cwd, onlyDockerfile ? '.' : request.context);
  if (!onlyDockerfile) await checkContext(context, request.context);
  const fromStdin = onlyDockerfile || request.file === '-';
  const { source, path } = fromStdin
    ? { source: await readStdin(stdin), path: undefined }
    : await readDockerfile({
        context,
        file: request.file === undefined ? undefined : resolve(cwd, request.file),
        shown: request.file ?? 'Dockerfile',
      });
  const dockerfile = parseDockerfile(source);
  assertBuildable(dockerfile);
  const explicit = request.ignoreFile === undefined ? undefined : resolve(cwd, request.ignoreFile);
  return {
    dockerfile,
    identity: path ?? `${context}/<stdin>`,
    context: onlyDockerfile
      ? undefined
      : { path: context, ignore: await readIgnoreFile(context, { dockerfile: path, explicit }) },
    target: request.target,
    platform: request.platforms[0],
    buildArgs: request.buildArgs,
    labels: request.labels,
    noCache: request.noCache,
    pull: request.pull,
    isolation: request.isolation,
    jobs: request.jobs,
    epoch: request.sourceDateEpoch,
  };
}

async function readStdin(stdin: Readable): Promise<Source> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > limit)
      throw new TsbuildError('dockerfile', `the Dockerfile on standard input is larger than ${limit} bytes`);
    chunks.push(bytes);
  }
  return { name: '<stdin>', text: Buffer.concat(chunks).toString('utf8') };
}
