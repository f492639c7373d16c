import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from '../../util/once.js';
import { errnoCode, TsbuildError } from '../../util/errors.js';
import { parseCdiSpec } from './parse-spec.js';
import { joinSpecs, type CdiRegistry, type SpecDevices } from './registry.js';

/** The devices of this machine, for one build. */
export interface CdiDevices {
  readonly folders: readonly string[];
  /** Read when it is first asked for. */
  readonly registry: () => Promise<CdiRegistry>;
}

/** Specs that cannot be understood are left out; `warn` is told once of all of them. */
export function cdiDevices(folders: readonly string[], warn: (message: string) => void): CdiDevices {
  const read = async (): Promise<CdiRegistry> => {
    const problems: string[] = [];
    const onProblem = (problem: string): void => void problems.push(problem);
    const specs = await Promise.all(folders.map((folder) => readFolder(folder, onProblem)));
    const joined = joinSpecs(specs);
    problems.push(...joined.problems);
    if (problems.length > 0) warn(`CDI specs are left out: ${problems.join('; ')}`);
    return joined.registry;
  };
  return { folders, registry: once(read) };
}

async function readFolder(
  folder: string,
  onProblem: (problem: string) => void,
): Promise<readonly SpecDevices[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(?:json|yaml)$/.test(name));
  const specs: SpecDevices[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    try {
      specs.push({ path, devices: parseCdiSpec(await readDocument(path)) });
    } catch (error) {
      const reason =
        error instanceof TsbuildError ? error.message : (errnoCode(error) ?? 'it cannot be read');
      onProblem(`${JSON.stringify(path)}: ${reason}`);
    }
  }
  return specs;
}

/** Specs of a machine with many devices are some hundred kilobytes. */
const largestSpec = 16 << 20;

async function readDocument(path: string): Promise<unknown> {
  const status = await stat(path);
  if (!status.isFile()) throw new TsbuildError('image', 'it is no file');
  if (status.size > largestSpec) throw new TsbuildError('image', 'it is larger than 16 MiB');
  const text = await readFile(path, 'utf8');
  const parse = path.endsWith('.json')
    ? (json: string): unknown => JSON.parse(json)
    : (await import('./parse-yaml.js')).parseYaml;
  try {
    return parse(text);
  } catch {
    throw new TsbuildError('image', path.endsWith('.json') ? 'it is not JSON' : 'it is not YAML');
  }
}
