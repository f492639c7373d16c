import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import type { Sink } from './destination.js';

/** A file of an archive that we write: `size` bytes of content. A name that ends with `/` is a folder. */
export interface ArchiveMember {
  readonly name: string;
  readonly size: number;
  content(): AsyncIterable<Uint8Array>;
}

export interface ArchiveOptions {
  /** Time of all members: seconds since 1970. */
  readonly mtime?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A member with its content in memory. */
export function memoryMember(name: string, content: string | Uint8Array): ArchiveMember {
  const bytes = Buffer.from(content);
  return {
    name,
    size: bytes.length,
    async *content() {
      await Promise.resolve();
      yield bytes;
    },
  };
}

/**
 * Writes a tar whose bytes depend on the members alone: sorted by name, owned by root, files 0644, folders 0755.
 * Throws what the members, the sink or the signal throw, and when a content has another size than it should.
 */
export async function writeArchive(
  members: readonly ArchiveMember[],
  sink: Sink,
  { mtime = 0, signal }: ArchiveOptions = {},
): Promise<void> {
  const pack = tar.pack();
  const drained = drain(pack, sink);
  const filled = fill(pack, { members, mtime: new Date(mtime * 1000), signal });
  try {
    // Whichever side fails first decides; the other may then never come to an end.
    await Promise.race([drained, filled.then(() => drained)]);
    await filled;
  } catch (error) {
    pack.destroy();
    throw error;
  }
}

async function drain(pack: tar.Pack, sink: Sink): Promise<void> {
  for await (const chunk of pack as AsyncIterable<Uint8Array>) await sink(chunk);
}

interface Filling {
  readonly members: readonly ArchiveMember[];
  readonly mtime: Date;
  readonly signal: AbortSignal | undefined;
}

async function fill(pack: tar.Pack, { members, mtime, signal }: Filling): Promise<void> {
  const sorted = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const member of sorted) {
    signal?.throwIfAborted();
    const shared = { name: member.name, mtime, uid: 0, gid: 0 };
    if (member.name.endsWith('/')) pack.entry({ ...shared, type: 'directory', mode: 0o755 });
    else await addFile(pack, { ...shared, type: 'file', mode: 0o644, size: member.size }, { member, signal });
  }
  pack.finalize();
}

async function addFile(
  pack: tar.Pack,
  header: tar.Headers,
  { member, signal }: { readonly member: ArchiveMember; readonly signal: AbortSignal | undefined },
): Promise<void> {
  await new Promise<void>((settle, reject) => {
    const entry = pack.entry(header, (error) => (error ? reject(error) : settle()));
    const source = Readable.from(member.content(), { objectMode: false, highWaterMark: 1 << 20 });
    pipeline(source, entry, signal === undefined ? {} : { signal }).catch(reject);
  });
}
