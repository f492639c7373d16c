import { createHash, hash as hashOnce } from 'node:crypto';
import { finishDigest, type Digest, type DiffID } from '../oci/digest.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { shown } from './archive-path.js';
import { BodyFiles, type BodyFile } from './body-file.js';
import { ChunkWriter } from './chunk-writer.js';
import { layerMembers } from './layer-members.js';
import { endOfArchive, tarHeader } from './tar/write.js';
import type { Body, BodySource, Changeset, File } from './types.js';

export interface PackedLayer {
  readonly diffId: DiffID;
  /** Bytes of the tar. */
  readonly size: number;
  /** Where the bytes of each content begin in the tar. */
  readonly bodies: Map<Digest, number>;
}

/**
 * Writes a changeset as an uncompressed layer. The bytes depend on the changeset alone. `sink` gets chunks of half a MiB
 * that it may keep, and is awaited. Every content is compared with the size and digest of its file while it is read:
 * throws `context` when it differs, `copy` for names that a layer cannot hold.
 */
export async function packLayer(
  changeset: Changeset,
  bodies: BodySource,
  sink: (chunk: Uint8Array) => void | Promise<void>,
): Promise<PackedLayer> {
  const writer = new ChunkWriter(sink);
  const files = new BodyFiles();
  const offsets = new Map<Digest, number>();
  try {
    for (const { entry, file } of layerMembers(changeset)) {
      const waiting = writer.write(tarHeader(entry));
      if (waiting !== undefined) await waiting;
      if (file === undefined) continue;
      if (!offsets.has(file.digest)) offsets.set(file.digest, writer.position);
      if (file.size === 0) continue;
      const found = bodies(file);
      const body = found instanceof Promise ? await found : found;
      await copyContent(writer, () => files.open(body), { file, body, name: entry.name });
    }
    await writer.write(endOfArchive);
    const { digest, size } = await writer.finish();
    return { diffId: digest as DiffID, size, bodies: offsets };
  } finally {
    files.close();
  }
}

interface Wanted {
  readonly file: File;
  readonly body: Body;
  readonly name: string;
}

async function copyContent(writer: ChunkWriter, open: () => BodyFile, wanted: Wanted): Promise<void> {
  let source: BodyFile | undefined;
  try {
    source = open();
    if (!copyShort(writer, source, wanted)) await copyLong(writer, source, wanted);
    if (source.read(Buffer.allocUnsafe(1)) !== 0) throw changed(wanted);
  } catch (error) {
    throw readError(error, wanted);
  } finally {
    source?.close();
  }
  const waiting = writer.pad();
  if (waiting !== undefined) await waiting;
}

/** A content that fits the present chunk with something to spare: one read, one hash, no promise. */
function copyShort(writer: ChunkWriter, source: BodyFile, wanted: Wanted): boolean {
  const { size, digest } = wanted.file;
  const space = writer.space;
  if (size > space.length) return false;
  const target = space.subarray(0, size);
  for (let done = 0; done < size;) {
    const read = source.read(done === 0 ? target : target.subarray(done));
    if (read === 0) throw changed(wanted);
    done += read;
  }
  if (`sha256:${hashOnce('sha256', target, 'hex')}` !== digest) throw changed(wanted);
  writer.commit(size);
  return true;
}

async function copyLong(writer: ChunkWriter, source: BodyFile, wanted: Wanted): Promise<void> {
  const hash = createHash('sha256');
  for (let left = wanted.file.size; left > 0;) {
    if (writer.space.length === 0) await writer.flush();
    const target = writer.space.subarray(0, left);
    const read = source.read(target);
    if (read === 0) throw changed(wanted);
    hash.update(target.subarray(0, read));
    writer.commit(read);
    left -= read;
  }
  if (finishDigest(hash) !== wanted.file.digest) throw changed(wanted);
}

const vanished = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

function readError(error: unknown, wanted: Wanted): unknown {
  const code = errnoCode(error);
  if (code === undefined || error instanceof TsbuildError) return error;
  if (vanished.has(code)) return changed(wanted, error);
  return new TsbuildError('context', `cannot read ${sourceName(wanted)}: ${code}`, { cause: error });
}

function changed(wanted: Wanted, cause?: unknown): TsbuildError {
  return new TsbuildError('context', `${sourceName(wanted)} changed while it was being read`, {
    cause,
    hint: 'build again when nothing writes to the file',
  });
}

function sourceName({ body, name }: Wanted): string {
  return shown(body.kind === 'path' ? body.path : name);
}
