/** registries.conf, version 2 (containers-registries.conf(5)), as far as it is about where images are. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '../oci/json-guards.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { Mirror, RegistryRule } from './types.js';

/** Names without a registry are Docker Hub's, whatever the file says: aliases and search lists are not followed. */
export interface RegistriesConf {
  readonly rules: readonly RegistryRule[];
  /** Hosts whose certificates are not checked. */
  readonly insecure: readonly string[];
}

export interface RegistriesConfOptions {
  /** CONTAINERS_REGISTRIES_CONF: this file alone. */
  readonly file: string | undefined;
  /** Home directory; undefined: none. */
  readonly home: string | undefined;
}

/**
 * Reads the file that the environment names, or else the user's or the system's with the `registries.conf.d` of both;
 * of two entries with one prefix the later file's counts. Throws `usage` for a file that cannot be understood.
 */
export async function readRegistriesConf({ file, home }: RegistriesConfOptions): Promise<RegistriesConf> {
  const texts = file === undefined ? await usualFiles(home) : [await readConf(file, true)];
  const rules = new Map<string, RegistryRule>();
  const insecure: string[] = [];
  for (const item of texts) {
    if (item === undefined || !/^\s*\[/m.test(item.text)) continue;
    const found = await parseRegistriesConf(item.text, item.path);
    for (const rule of found.rules) rules.set(rule.prefix, rule);
    insecure.push(...found.insecure);
  }
  return { rules: [...rules.values()], insecure };
}

interface ConfFile {
  readonly path: string;
  readonly text: string;
}

async function usualFiles(home: string | undefined): Promise<readonly (ConfFile | undefined)[]> {
  const own = home === undefined ? [] : [join(home, '.config/containers')];
  const folders = ['/etc/containers', ...own];
  const mains = await Promise.all(folders.map((folder) => readConf(join(folder, 'registries.conf'), false)));
  const extra = await Promise.all(folders.map((folder) => confFolder(join(folder, 'registries.conf.d'))));
  return [mains.filter((main) => main !== undefined).at(-1), ...extra.flat()];
}

async function confFolder(folder: string): Promise<readonly (ConfFile | undefined)[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.conf'));
  return Promise.all(
    names.sort((a, b) => (a < b ? -1 : 1)).map((name) => readConf(join(folder, name), false)),
  );
}

async function readConf(path: string, required: boolean): Promise<ConfFile | undefined> {
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (error) {
    if (!required) return undefined;
    throw new TsbuildError(
      'usage',
      `cannot read ${JSON.stringify(path)}: ${errnoCode(error) ?? 'unknown error'}`,
      {
        cause: error,
      },
    );
  }
}

/** Reads the text of one file; `path` is for messages. Throws `usage`. */
export async function parseRegistriesConf(text: string, path: string): Promise<RegistriesConf> {
  const { parse } = await import('smol-toml');
  const wrong = (problem: string): TsbuildError =>
    new TsbuildError('usage', `${JSON.stringify(path)} ${problem}`, {
      hint: 'man containers-registries.conf describes its form',
    });
  const value: unknown = attempt(
    () => parse(text),
    () => wrong('is not TOML'),
  );
  if (!isJsonObject(value)) throw wrong('is not TOML');
  if (value['registries'] !== undefined) throw wrong('is in version 1 of its form, which is not read');
  const entries: unknown = value['registry'] ?? [];
  if (!Array.isArray(entries)) throw wrong('has a registry that is no [[registry]]');
  const parsed = entries.map((entry: unknown) => registryEntry(isJsonObject(entry) ? entry : {}));
  if (parsed.some(({ rule }) => rule.prefix === ''))
    throw wrong('has a [[registry]] with neither prefix nor location');
  return { rules: parsed.map(({ rule }) => rule), insecure: parsed.flatMap(({ insecure }) => insecure) };
}

function attempt<T>(work: () => T, failure: () => TsbuildError): T {
  try {
    return work();
  } catch {
    throw failure();
  }
}

function registryEntry(entry: JsonObject): { rule: RegistryRule; insecure: readonly string[] } {
  const location = textOf(entry['location']);
  const prefix = textOf(entry['prefix']) || location;
  const tables: unknown = entry['mirror'] ?? [];
  const mirrors = (Array.isArray(tables) ? tables : [])
    .filter(isJsonObject)
    .filter((m) => textOf(m['location']));
  const digestsOnly = entry['mirror-by-digest-only'] === true;
  return {
    rule: {
      prefix,
      location: location === '' || location === prefix ? undefined : location,
      blocked: entry['blocked'] === true,
      mirrors: mirrors.map((mirror) => mirrorEntry(mirror, digestsOnly)),
    },
    insecure: [
      ...(entry['insecure'] === true ? [hostOf(location || prefix)] : []),
      ...mirrors
        .filter((mirror) => mirror['insecure'] === true)
        .map((mirror) => hostOf(textOf(mirror['location']))),
    ],
  };
}

const served: Readonly<Record<string, Mirror['serves']>> = { 'digest-only': 'digests', 'tag-only': 'tags' };

function mirrorEntry(mirror: JsonObject, digestsOnly: boolean): Mirror {
  const from = textOf(mirror['pull-from-mirror']);
  return { location: textOf(mirror['location']), serves: served[from] ?? (digestsOnly ? 'digests' : 'all') };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Connections know hosts, not paths. */
function hostOf(place: string): string {
  return place.split('/')[0] ?? '';
}
