import { spawn } from 'node:child_process';
import { foreignText } from '../registry/redact.js';
import { errnoCode, TsbuildError } from '../util/errors.js';

/** What git gets of the caller's environment. */
export interface GitEnvironment {
  /** PATH; relative folders in it are left out. */
  readonly path: string | undefined;
  /** SSH_AUTH_SOCK: keys of the agent sign in at ssh servers. */
  readonly sshAgent?: string | undefined;
  readonly proxy?:
    | {
        readonly http?: string | undefined;
        readonly https?: string | undefined;
        readonly no?: string | undefined;
      }
    | undefined;
}

export interface GitRun {
  /** Working directory: a folder of ours. */
  readonly cwd: string;
  readonly environment: GitEnvironment;
  /** Protocols that may be used, those of submodules included. */
  readonly protocols: readonly string[];
  /** Sent to this origin only, so that no command line shows it. */
  readonly authorization?: { readonly origin: string; readonly header: string } | undefined;
  readonly signal: AbortSignal;
}

/** Bytes of output that are kept. */
const mostOutput = 16 * 1024 * 1024;

/**
 * Nothing of the machine's, the user's or a repository's configuration counts: no hooks, no filters, no file system
 * monitor, no helpers, no question at the terminal, and only the protocols that are named.
 */
const settings: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.askPass=',
  'core.autocrlf=false',
  'core.symlinks=true',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'credential.helper=',
  'protocol.file.allow=never',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'transfer.fsckObjects=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'advice.detachedHead=false',
  'init.defaultBranch=main',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=60',
];

/** After a redirect git sends its headers, credentials among them, to whom it was sent. */
function redirects({ authorization }: GitRun): string {
  return `http.followRedirects=${authorization === undefined ? 'initial' : 'false'}`;
}

/**
 * Runs git and resolves to what it wrote to standard output. Throws `context` when it fails, when it is not installed
 * and when it writes more than 16 MiB; `cancelled` when the signal fires, after its processes were killed.
 */
export async function runGit(args: readonly string[], run: GitRun): Promise<Buffer> {
  const [command = ''] = args;
  const { code, stdout, stderr } = await outcome(args, run);
  if (run.signal.aborted) throw new TsbuildError('cancelled', 'the build was cancelled');
  if (code === 0) return stdout;
  const reason = foreignText(
    lastLines(stderr),
    run.authorization === undefined ? [] : [run.authorization.header],
  );
  throw new GitFailure(`git ${command} failed: ${reason === '' ? `exit code ${code}` : reason}`);
}

/** git ended with another exit code than 0. */
export class GitFailure extends TsbuildError {
  constructor(message: string) {
    super('context', message);
  }
}

interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function outcome(args: readonly string[], run: GitRun): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = start(args, run);
    const stdout: Buffer[] = [];
    let stderr = '';
    let size = 0;
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    run.signal.addEventListener('abort', kill, { once: true });
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= mostOutput) stdout.push(chunk);
      else kill();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = `${stderr}${chunk.toString('utf8')}`.slice(-4096);
    });
    child.once('error', (error) => reject(startFailure(error)));
    child.once('close', (code) => {
      run.signal.removeEventListener('abort', kill);
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr });
    });
    if (run.signal.aborted) kill();
  });
}

/** A process group of its own, so that its helpers end with it. Files get the modes of umask 022. */
function start(args: readonly string[], run: GitRun) {
  const umask = process.umask(0o022);
  try {
    const options = [...settings, redirects(run)].flatMap((setting) => ['-c', setting]);
    return spawn('git', [...options, ...args], {
      cwd: run.cwd,
      env: environmentOf(run),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    process.umask(umask);
  }
}

function environmentOf({ environment, protocols, authorization }: GitRun): NodeJS.ProcessEnv {
  const { path, sshAgent, proxy } = environment;
  const folders = (path ?? '').split(':').filter((folder) => folder.startsWith('/'));
  const secret =
    authorization === undefined
      ? {}
      : {
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: `http.${authorization.origin}/.extraHeader`,
          GIT_CONFIG_VALUE_0: `Authorization: ${authorization.header}`,
        };
  return {
    PATH: folders.length === 0 ? '/usr/local/bin:/usr/bin:/bin' : folders.join(':'),
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    ...(sshAgent === undefined ? {} : { SSH_AUTH_SOCK: sshAgent }),
    ...(proxy?.http === undefined ? {} : { http_proxy: proxy.http }),
    ...(proxy?.https === undefined ? {} : { https_proxy: proxy.https }),
    ...(proxy?.no === undefined ? {} : { no_proxy: proxy.no }),
    ...secret,
  };
}

function startFailure(error: Error): TsbuildError {
  const missing = errnoCode(error) === 'ENOENT';
  return new TsbuildError(
    'context',
    missing ? 'git is not installed' : `cannot start git: ${error.message}`,
    {
      hint: missing
        ? 'install git (apt-get install git, apk add git): git sources are fetched with it'
        : undefined,
      cause: error,
    },
  );
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ');
}
