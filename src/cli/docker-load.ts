/** `--load`: an image into the store of a Docker daemon, through its socket. */
import { lstatSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { escapeControls } from '../progress/escape.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';

/** How a daemon is reached; `name` is for messages. */
export interface DockerDaemon {
  readonly name: string;
  readonly options: RequestOptions;
}

const hint =
  'leave out --load: the image is in the store of tsbuild; or write it to a file with -o type=docker,dest=FILE, or push it with --push';
const longestAnswer = 1024 * 1024;

/** The daemon that DOCKER_HOST names, else the one of this machine. Throws `unsupported` when there is none. */
export function dockerDaemon({ env }: Pick<CliContext, 'env'>): DockerDaemon {
  const name = env['DOCKER_HOST'] || 'unix:///var/run/docker.sock';
  const url = URL.canParse(name) ? new URL(name) : undefined;
  if (url?.protocol === 'unix:') {
    if (isSocket(url.pathname)) return { name, options: { socketPath: url.pathname } };
    throw new TsbuildError('unsupported', `--load needs a Docker daemon, and there is none at ${name}`, {
      hint,
    });
  }
  if (url?.protocol === 'tcp:' && !env['DOCKER_TLS_VERIFY'])
    return { name, options: { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || '2375' } };
  throw new TsbuildError('unsupported', `--load cannot use the Docker daemon at ${JSON.stringify(name)}`, {
    hint: 'it takes unix:///path and tcp://host:port without TLS',
  });
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

/** Sends what `write` writes, an archive as `docker save` makes it. Throws `build` when the daemon does not take it. */
export async function loadIntoDocker(
  { name, options }: DockerDaemon,
  signal: AbortSignal,
  write: (stream: ClientRequest) => Promise<void>,
): Promise<void> {
  const headers = { Host: 'docker', 'Content-Type': 'application/x-tar' };
  const path = '/images/load?quiet=1';
  const sending = request({ ...options, method: 'POST', path, headers, signal });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sending.once('response', resolve).on('error', reject);
  });
  answered.catch(() => undefined); // awaited below, after the body
  try {
    await Promise.race([write(sending), answered]);
    sending.end();
    const answer = await answered;
    const text = await textOf(answer);
    const problem = /"error":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
    if (answer.statusCode === 200 && problem === undefined) return;
    throw failure(name, problem ?? `it answered ${answer.statusCode ?? 0} ${text.slice(0, 200)}`);
  } catch (error) {
    const code = errnoCode(error);
    throw code === undefined ? error : failure(name, code, error);
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (text.length < longestAnswer) text += chunk.toString('utf8');
  }
  return text;
}

function failure(name: string, problem: string, cause?: unknown): TsbuildError {
  return new TsbuildError(
    'build',
    `the Docker daemon at ${name} did not take the image: ${escapeControls(problem)}`,
    {
      cause,
    },
  );
}
