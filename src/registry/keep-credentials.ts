/** Signing in and out for good: what `docker login` and `docker logout` write. */
import { isJsonObject, type JsonObject } from '../oci/json-guards.js';
import { isKeyOf, parseAuthFile, registryKey, serverName } from './auth-file.js';
import { eraseWithHelper, storeWithHelper, type Environment } from './credential-helper.js';
import { readDockerConfig, writeDockerConfig } from './docker-config.js';

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
  await writeDockerConfig(file, {
    ...value,
    auths: { ...authsWithout(value, scope), [keyOf(scope)]: entry },
  });
  return helper;
}

/** Forgets a password. Whether there was one in the file, or a helper was asked to erase it. Throws `auth`. */
export async function forgetCredentials(scope: SignInScope, { file, env }: AuthFileUse): Promise<boolean> {
  const { value, helper } = await readConfig(file, scope);
  const auths = authsWithout(value, scope);
  const known = Object.keys(auths).length < Object.keys(objectOf(value['auths'])).length;
  if (helper !== undefined) await eraseWithHelper(helper, serverName(scope.registry), env);
  if (known) await writeDockerConfig(file, { ...value, auths });
  return known || helper !== undefined;
}

/** Helpers keep passwords of whole registries only. */
async function readConfig(
  file: string,
  { registry, path }: SignInScope,
): Promise<{ value: JsonObject; helper: string | undefined }> {
  const { value, text } = await readDockerConfig(file);
  const { helpers, store } = parseAuthFile(text, JSON.stringify(file));
  const helper = path === '' ? (helpers.get(registryKey(registry)) ?? store) : undefined;
  return { value, helper };
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
