/** The docker client's config.json, with all that others keep in it. */
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isJsonObject, type JsonObject } from '../oci/json-guards.js';
import { makeFolders } from '../sys/make-folders.js';
import { errnoCode } from '../util/errors.js';
import { parseAuthFile } from './auth-file.js';
import { readLimited } from './credentials.js';
import { RegistryFailure } from './failure.js';

/** The file's object and text; empty when it is missing. Throws `auth` for a file that is no JSON object. */
export async function readDockerConfig(file: string): Promise<{ value: JsonObject; text: string }> {
  const text = await readLimited(file).catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT') return '';
    throw unusable('read', file, error);
  });
  parseAuthFile(text, JSON.stringify(file));
  const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
  return { value: isJsonObject(value) ? value : {}, text };
}

/** The file appears whole, with mode 0600, indented as docker does it. A link stays a link. Throws `auth`. */
export async function writeDockerConfig(file: string, value: JsonObject): Promise<void> {
  try {
    await makeFolders(dirname(file), 0o700);
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
