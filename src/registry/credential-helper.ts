/** docker-credential-helpers: programs that keep passwords. */
import { spawn } from 'node:child_process';
import { isJsonObject } from '../oci/json-guards.js';
import { RegistryFailure } from './failure.js';
import { foreignText } from './redact.js';
import type { Credentials } from './types.js';
import { errnoCode } from '../util/errors.js';

const maximumOutput = 1024 * 1024;
const patience = 30_000;
const namePattern = /^[a-z0-9][a-z0-9._-]*$/;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Asks `docker-credential-<name> get` for a server's credentials; undefined when it has none. A user named `<token>`
 * means that the secret is an identity token. Throws `auth` when the program fails.
 */
export async function askHelper(
  name: string,
  server: string,
  env: Environment,
): Promise<Credentials | undefined> {
  const { code, output } = await run(name, 'get', { input: server, env });
  const text = output.toString('utf8').trim();
  if (code === 0) return credentialsOf(text, name);
  if (isAbsence(text)) return undefined;
  throw helperFailure(name, `failed for ${server}`, { code, text });
}

/** Gives a helper a server's password to keep. Throws `auth`. */
export async function storeWithHelper(
  name: string,
  { server, username, password }: { server: string; username: string; password: string },
  env: Environment,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  const { code, output } = await run(name, 'store', { input, env });
  const text = output.toString('utf8').trim();
  if (code !== 0) throw helperFailure(name, `did not store the password for ${server}`, { code, text });
}

/** Makes a helper forget a server. Throws `auth`. */
export async function eraseWithHelper(name: string, server: string, env: Environment): Promise<void> {
  const { code, output } = await run(name, 'erase', { input: server, env });
  const text = output.toString('utf8').trim();
  if (code !== 0 && !isAbsence(text))
    throw helperFailure(name, `did not erase the password for ${server}`, { code, text });
}

function isAbsence(text: string): boolean {
  return /credentials not found|no credentials server URL/i.test(text);
}

function helperFailure(
  name: string,
  problem: string,
  { code, text }: { code: number; text: string },
): RegistryFailure {
  const detail = foreignText(text) || `exit code ${code}`;
  return new RegistryFailure('auth', `the credential helper ${JSON.stringify(name)} ${problem}: ${detail}`, {
    hint: "correct or remove it in credHelpers or credsStore of docker's config.json",
  });
}

function credentialsOf(text: string, name: string): Credentials | undefined {
  const value = parseJson(text);
  const { Username: username, Secret: secret } = isJsonObject(value) ? value : {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new RegistryFailure(
      'auth',
      `the credential helper ${JSON.stringify(name)} gave an answer that cannot be read`,
    );
  }
  if (secret === '') return undefined;
  return username === '<token>'
    ? { kind: 'identity', token: secret }
    : { kind: 'basic', username, password: secret };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface HelperCall {
  readonly input: string;
  readonly env: Environment;
}

async function run(
  name: string,
  action: 'get' | 'store' | 'erase',
  { input, env }: HelperCall,
): Promise<{ code: number; output: Buffer }> {
  if (!namePattern.test(name)) {
    const shown = JSON.stringify(name.slice(0, 100));
    throw new RegistryFailure('auth', `docker's config.json names an impossible credential helper ${shown}`);
  }
  const program = `docker-credential-${name}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], {
      env: { ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: patience,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maximumOutput) chunks.push(chunk);
      else child.kill('SIGKILL');
    });
    child.stdin.on('error', () => undefined); // a helper need not read
    child.stdin.end(`${input}\n`);
    child.once('error', (error) => reject(startFailure(program, error)));
    child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks) }));
  });
}

function startFailure(program: string, cause: Error): RegistryFailure {
  const problem =
    errnoCode(cause) === 'ENOENT'
      ? 'is not in PATH'
      : `cannot be started (${errnoCode(cause) ?? 'unknown error'})`;
  return new RegistryFailure('auth', `the credential helper ${program} ${problem}`, {
    hint: "install it, or remove it from credHelpers and credsStore of docker's config.json",
    cause,
  });
}
