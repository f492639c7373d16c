/** Runs images as others do: skopeo reads them, umoci unpacks them, runc and podman start them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../../src/oci/json-guards.js';
import type { JsonObject } from '../../src/oci/json-guards.js';
import { findProgram, missingOf, outputOf, runProgram, startProgram } from './programs.js';
import type { Ended, Running } from './programs.js';

/** What is missing for `unpackImage` and `runBundle`. */
export const missingForBundles: readonly string[] = missingOf(['root', 'skopeo', 'umoci', 'runc']);

/** Copies an image with skopeo, as `docker://host/name` or `oci:folder:tag`, to another of its forms. */
export async function skopeoCopy(from: string, to: string): Promise<void> {
  const options = [
    '--insecure-policy',
    'copy',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    '--quiet',
  ];
  await outputOf(['skopeo', ...options, from, to]);
}

/**
 * Copies an image by skopeo into a layout below `folder`, has umoci unpack it, and returns the OCI runtime bundle:
 * `rootfs` and a `config.json` that runs on the host's network, without a terminal, with `env` (`NAME=value`) added.
 */
export async function unpackImage(
  from: string,
  folder: string,
  env: readonly string[] = [],
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const layout = join(folder, 'layout');
  const bundle = join(folder, 'bundle');
  await skopeoCopy(from, `oci:${layout}:image`);
  await outputOf(['umoci', 'unpack', '--image', `${layout}:image`, bundle]);
  adaptBundle(join(bundle, 'config.json'), env);
  return bundle;
}

/** umoci's spec asks for a terminal and for a network of its own. */
function adaptBundle(file: string, env: readonly string[]): void {
  const spec = objectOf(JSON.parse(readFileSync(file, 'utf8')));
  const linux = objectOf(spec['linux']);
  const step = objectOf(spec['process']);
  const given = Array.isArray(step['env']) ? step['env'].map(String) : [];
  const namespaces = Array.isArray(linux['namespaces']) ? linux['namespaces'] : [];
  const adapted = {
    ...spec,
    process: { ...step, env: [...given, ...env], terminal: false, rlimits: [] },
    linux: { ...linux, namespaces: namespaces.filter((each) => objectOf(each)['type'] !== 'network') },
  };
  writeFileSync(file, JSON.stringify(adapted));
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

let containers = 0;

/** Starts a bundle by runc; `stop()` ends the container with it. */
export function startBundle(bundle: string): Running {
  const name = `tsbuild-test-${process.pid}-${++containers}`;
  const state = join(bundle, '..', 'state');
  return startProgram([findProgram('runc') ?? 'runc', '--root', state, 'run', '--bundle', bundle, name]);
}

/** Runs a bundle to its end. */
export async function runBundle(bundle: string): Promise<Ended> {
  return startBundle(bundle).ended;
}

/** podman on a store of its own. */
export interface Podman {
  run(args: readonly string[]): Promise<Ended>;
  /** Arguments before the image's name that let a container start in most sandboxes. */
  readonly runFlags: readonly string[];
}

/** Undefined where podman (or root, or runc) is missing. */
export function podmanIn(folder: string): Podman | undefined {
  if (missingOf(['root', 'podman', 'runc']).length > 0) return undefined;
  const places = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run')];
  const fixed = [
    '--storage-driver',
    'overlay',
    '--cgroup-manager',
    'cgroupfs',
    '--runtime',
    findProgram('runc') ?? '',
  ];
  return {
    run: (args) => runProgram(['podman', ...places, ...fixed, '--events-backend', 'file', ...args]),
    runFlags: [
      '--rm',
      '--network=host',
      '--ulimit',
      'nofile=1024:1024',
      '--ulimit',
      'nproc=4096:4096',
      '--pull=never',
    ],
  };
}
