import { constants } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { deviceOf, fileType, type FileType } from '../../layers/stat.js';
import { toByteString } from '../../util/bytes.js';
import { errnoCode, TsbuildError } from '../../util/errors.js';
import type { StepMount } from '../types.js';
import { mountManner } from './mount-options.js';
import type { CdiDeviceNode, CdiEdits, CdiMount } from './types.js';

const correct = 'CDI specs are written for one machine: have the one of this device made again';

/**
 * The nodes and mounts of devices as mounts of a step, what lies higher first. Throws `run` for what the machine does not
 * have, and for options that cannot be had.
 */
export async function hostMounts({
  deviceNodes,
  mounts,
}: Pick<CdiEdits, 'deviceNodes' | 'mounts'>): Promise<readonly StepMount[]> {
  const all = await Promise.all([...deviceNodes.map(deviceMount), ...mounts.map(hostMount)]);
  return all.sort((a, b) => depth(a) - depth(b));
}

function depth({ target }: StepMount): number {
  return (target ?? '').split('/').length;
}

const kinds: ReadonlyMap<FileType, { readonly bits: number; readonly words: string }> = new Map([
  ['char', { bits: constants.S_IFCHR, words: 'cu' }],
  ['block', { bits: constants.S_IFBLK, words: 'b' }],
  ['fifo', { bits: constants.S_IFIFO, words: 'p' }],
]);

/** Nodes have mode 666 unless the spec says another, as OCI runtimes make them. */
async function deviceMount(node: CdiDeviceNode): Promise<StepMount> {
  const { path: source, stats } = await find(node.hostPath);
  const { major, minor } = deviceOf(stats.rdev);
  const kind = kinds.get(fileType(stats));
  const isOther = [node.major ?? major, node.minor ?? minor].join() !== [major, minor].join();
  if (kind === undefined || isOther || (node.type !== undefined && !kind.words.includes(node.type))) {
    throw new TsbuildError(
      'run',
      `${JSON.stringify(node.hostPath)} is not the device that its CDI spec describes`,
      {
        hint: correct,
      },
    );
  }
  const mode = kind.bits | ((node.fileMode ?? 0o666) & 0o7777);
  const target = toByteString(posix.resolve(node.path));
  return { kind: 'device', source, target, mode, major, minor, uid: node.uid, gid: node.gid };
}

async function hostMount({ hostPath, containerPath, options, type }: CdiMount): Promise<StepMount> {
  if (!['', 'bind', 'none'].includes(type)) throw unsupported('type', type);
  const manner = mountManner(options);
  if ('unknown' in manner) throw unsupported('option', manner.unknown);
  const { path: source } = await find(hostPath);
  return { kind: 'host', source, target: toByteString(posix.resolve(containerPath)), ...manner };
}

function unsupported(what: string, word: string): TsbuildError {
  const shown = JSON.stringify(word);
  return new TsbuildError('unsupported', `the mount ${what} ${shown} of a CDI spec is not supported`, {
    hint: 'mounts of devices are bind mounts, with ro, nosuid, nodev, noexec or rbind',
  });
}

async function find(hostPath: string) {
  try {
    const path = await realpath(hostPath);
    return { path: toByteString(path), stats: await stat(path, { bigint: true }) };
  } catch (error) {
    const reason = errnoCode(error) ?? String(error);
    throw new TsbuildError(
      'run',
      `a CDI spec names ${JSON.stringify(hostPath)}, which cannot be used: ${reason}`,
      {
        hint: correct,
        cause: error,
      },
    );
  }
}
