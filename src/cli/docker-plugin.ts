/** The plugin that makes `docker build` run tsbuild (docker's CLI plugin protocol, schema 0.1.0). */
import { chmod, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readDockerConfig, writeDockerConfig } from '../registry/docker-config.js';
import { isJsonObject, type JsonObject } from '../oci/json-guards.js';
import { makeFolders } from '../sys/make-folders.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { version } from './version.js';

const marker = '# docker CLI plugin of tsbuild';
const alias = 'tsbuild';

/** How tsbuild is started: Node and the launcher, absolute paths. */
export interface Launch {
  readonly node: string;
  readonly launcher: string;
}

/** Path of the plugin in a docker client's folder. */
export function pluginPath(folder: string): string {
  return join(folder, 'cli-plugins', 'docker-tsbuild');
}

/** Writes the plugin. Throws `usage` when another program stands there. */
export async function installPlugin(folder: string, launch: Launch): Promise<string> {
  const path = pluginPath(folder);
  await refuseForeign(path);
  const temporary = `${path}.new`;
  await attempt(path, async () => {
    await makeFolders(dirname(path));
    await writeFile(temporary, pluginScript(launch));
    await chmod(temporary, 0o755);
    await rename(temporary, path);
  });
  return path;
}

/** Whether there was one. */
export async function uninstallPlugin(folder: string): Promise<boolean> {
  const path = pluginPath(folder);
  if (!(await refuseForeign(path))) return false;
  await attempt(path, () => unlink(path));
  return true;
}

/** Makes `docker build` and `docker builder` mean tsbuild, or what they meant before. Gives the alias that was there. */
export async function setBuilderAlias(folder: string, use: boolean): Promise<string | undefined> {
  const file = join(folder, 'config.json');
  const { value } = await readDockerConfig(file);
  const { builder, ...others } = isJsonObject(value['aliases']) ? value['aliases'] : {};
  const known = typeof builder === 'string' ? builder : undefined;
  if (use ? known === alias : known !== alias) return known;
  await writeDockerConfig(file, withAliases(value, use ? { ...others, builder: alias } : others));
  return known;
}

function withAliases(value: JsonObject, aliases: JsonObject): JsonObject {
  const others = Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'aliases'));
  return Object.keys(aliases).length === 0 ? others : { ...value, aliases };
}

/** Answers what docker asks of all plugins without starting Node; a launcher that has moved is looked for in PATH. */
function pluginScript({ node, launcher }: Launch): string {
  const metadata = {
    SchemaVersion: '0.1.0',
    Vendor: 'tsbuild',
    Version: version(),
    ShortDescription: 'Build images without a daemon',
  };
  return `#!/bin/sh
${marker}
if [ "$1" = docker-cli-plugin-metadata ]; then
  echo '${JSON.stringify(metadata)}'
  exit 0
fi
if [ -x ${quoted(node)} ] && [ -f ${quoted(launcher)} ]; then
  exec ${quoted(node)} ${quoted(launcher)} docker-plugin run "$@"
fi
exec tsbuild docker-plugin run "$@"
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Whether our plugin is there; throws when something else is. */
async function refuseForeign(path: string): Promise<boolean> {
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return undefined;
    throw unusable(path, error);
  });
  if (text === undefined) return false;
  if (text.includes(marker)) return true;
  throw new TsbuildError('usage', `${JSON.stringify(path)} is not the plugin of tsbuild`, {
    hint: 'move it away first',
  });
}

async function attempt(path: string, work: () => Promise<void>): Promise<void> {
  await work().catch((error: unknown) => {
    throw unusable(path, error);
  });
}

function unusable(path: string, cause: unknown): unknown {
  const code = errnoCode(cause);
  if (code === undefined) return cause;
  return new TsbuildError('build', `cannot use ${JSON.stringify(path)}: ${code}`, { cause });
}
