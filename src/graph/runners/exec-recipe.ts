import type { Recipe } from '../../cache/types.js';
import { formatPlatform } from '../../oci/platform.js';
import type { ExecDevice, ExecMount, ExecOp } from '../ops.js';
import { mountSources, type MountTask } from './mount-sources.js';

/** Everything that the result of a step depends on besides its inputs. Proxies, limits and the mode are not in it. */
export function execRecipe(op: ExecOp): Recipe {
  const environment = op.env.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [`variable ${pair.slice(0, at)}`, pair.slice(at + 1)];
  });
  return [
    ['op', op.kind],
    ...op.argv.map((word, i): [string, string] => [
      i === op.argv.length - 1 ? 'command' : `argument ${i}`,
      word,
    ]),
    ...environment,
    ['working directory', op.cwd],
    ['user', op.user],
    ['network', op.network],
    ['security', op.security],
    ['hostname', op.hostname],
    ['platform', formatPlatform(op.platform)],
    ...op.files.map(({ target, content }): [string, string] => [`file ${target}`, content]),
    ...op.mounts.map(mountRecipe),
    ...op.devices.map(deviceRecipe),
  ];
}

/** As with BuildKit the name as it is written, not what the machine has under it. */
function deviceRecipe({ name, required }: ExecDevice): [string, string] {
  return [`device ${name}`, required ? 'required' : 'optional'];
}

/** What a cache holds, and what a secret says, must not change the result; where they are may. */
function mountRecipe(mount: ExecMount): [string, string] {
  switch (mount.kind) {
    case 'bind':
      return [`mount ${mount.target}`, `bind ${mount.writable ? 'read-write' : 'read-only'}`];
    case 'cache':
      return [`mount ${mount.target}`, `cache ${mount.readonly ? 'read-only' : 'read-write'}`];
    case 'tmpfs':
      return [`mount ${mount.target}`, 'tmpfs'];
    case 'secret':
      return [`secret ${mount.id}`, JSON.stringify([mount.target ?? null, mount.env ?? null])];
    case 'ssh':
      return [`ssh ${mount.id}`, mount.target];
  }
}

/**
 * What bind mounts show: their content. With the definition key only what comes from the context, as stages and images
 * enter it by their own keys; which part of those is shown enters as a path.
 */
export async function sourcesRecipe(task: MountTask, key: 'definition' | 'content'): Promise<Recipe> {
  const parts = mountSources(task.vertex.op).map(async ({ target, source }): Promise<[string, string]> => {
    const fromContext = task.vertex.inputs[source.input]?.op.kind === 'context';
    if (key === 'definition' && !fromContext) {
      return [`path of mount ${target}`, `${source.input} ${source.path}`];
    }
    return [`files of mount ${target}`, (await task.shop.equipment.views.select(source, task)).digest];
  });
  return Promise.all(parts);
}
