/** Signing in and out for good: what `docker login` and `docker logout` write. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isJsonObject, type JsonObject } from '../oci/json-guards.js';
import { errnoCode } from '../util/errors.js';
import { isKeyOf, parseAuthFile, registryKey, serverName } from './auth-file.js';
import { eraseWithHelper, storeWithHelper, type Environment } from './credential-helper.js';
import { readLimited } from './credentials.js';
import { RegistryFailure } from './failure.js';

/** A registry, or the repositories below a path of it ('' for all). */
export interface SignInScope {
  readonly registry: string;
  readonly path: string;
}

export interface AuthFileUse {
  /** Absolute path of a file in the form of docker's config.json; made when it is missing. */
  readonly file: string;
  /** Given to helpers. */
  readonly env: Environment;
}

/**
 * Keeps a password: with the helper that the file names for the registry, else in the file itself (base64, mode 0600).
 * Gives the helper's name; undefined: the file. Throws `auth`.
 */
export async function keepCredentials(
  scope: SignInScope,
  { username, password }: { readonly username: string; readonly password: string },
  { file, env }: AuthFileUse,
): Promise<string | undefined> {
  const { value, helper } = await readConfig(file, scope);
  if (helper !== undefined)
    await storeWithHelper(helper, { server: serverName(scope.registry), username, password }, env);
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const entry = helper === undefined ? { auth } : {};
  await writeConfig(file, { ...value, auths: { ...authsWithout(value, scope), [keyOf(scope)]: entry } });
  return helper;
}

/** Forgets a password. Whether there was one in the file, or a helper was asked to erase it. Throws `auth`. */
export async function forgetCredentials(scope: SignInScope, { file, env }: AuthFileUse): Promise<boolean> {
  const { value, helper } = await readConfig(file, scope);
  const auths = authsWithout(value, scope);
  const known = Object.keys(auths).length < Object.keys(objectOf(value['auths'])).length;
  if (helper !== undefined) await eraseWithHelper(helper, serverName(scope.registry), env);
  if (known) await writeConfig(file, { ...value, auths });
  return known || helper !== undefined;
}

/** Helpers keep passwords of whole registries only. */
async function readConfig(
  file: string,
  { registry, path }: SignInScope,
): Promise<{ value: JsonObject; helper: string | undefined }> {
  const text = await readLimited(file).catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT') return '';
    throw unusable('read', file, error);
  });
  const { helpers, store } = parseAuthFile(text, JSON.stringify(file));
  const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
  const helper = path === '' ? (helpers.get(registryKey(registry)) ?? store) : undefined;
  return { value: objectOf(value), helper };
}

function authsWithout(value: JsonObject, scope: SignInScope): JsonObject {
  return Object.fromEntries(Object.entries(objectOf(value['auths'])).filter(([key]) => !isKeyOf(key, scope)));
}

function keyOf({ registry, path }: SignInScope): string {
  return path === '' ? serverName(registry) : `${registryKey(registry)}/${path}`;
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** The file appears whole, with mode 0600, indented as docker does it. A link stays a link. */
export async function writeConfig(file: string, value: JsonObject): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const target = await realpath(file).catch(() => file);
    const temporary = join(dirname(target), `.tsbuild-${randomBytes(6).toString('hex')}`);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(value, undefined, '\t')}\n`);
      await handle.sync();
      await handle.close();
      await rename(temporary, target);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw unusable('write', file, error);
  }
}

function unusable(verb: 'read' | 'write', file: string, cause: unknown): unknown {
  const code = errnoCode(cause);
  if (code === undefined) return cause;
  return new RegistryFailure('auth', `cannot ${verb} ${JSON.stringify(file)}: ${code}`, { cause });
}
