/** Images of tests that are ready to be exported. */
import { gzipSync } from 'node:zlib';
import type { ExportableImage, ExportLayer } from '../../src/image/exporter.js';
import { diff } from '../../src/layers/diff.js';
import { packLayer } from '../../src/layers/pack.js';
import { emptyTree } from '../../src/layers/tree.js';
import type { BodySource, Directory, File, Metadata, Node, Tree } from '../../src/layers/types.js';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import { documentJson } from '../../src/oci/document-json.js';
import { layerMediaType } from '../../src/oci/media-types.js';
import type { ImageConfig } from '../../src/oci/types.js';
import type { BuildEvent, Job } from '../../src/progress/event.js';
import type { Store } from '../../src/store/store.js';

export function metaOf(mode: number, rest: Partial<Metadata> = {}): Metadata {
  return { mode, uid: 0, gid: 0, mtime: 1_600_000_000_123_456_789n, ...rest };
}

/** Contents by digest, as a body source gives them. */
export const contents = new Map<Digest, Buffer>();

export function fileOf(content: string, meta: Metadata = metaOf(0o644), rest: Partial<File> = {}): File {
  const bytes = Buffer.from(content);
  const digest = digestOf(bytes);
  contents.set(digest, bytes);
  return { kind: 'file', meta, size: bytes.length, digest, ...rest };
}

export function folderOf(entries: Readonly<Record<string, Node>>, meta: Metadata = metaOf(0o755)): Directory {
  return { kind: 'directory', meta, entries: new Map(Object.entries(entries)) };
}

export const body: BodySource = (file) => {
  const bytes = contents.get(file.digest);
  if (bytes === undefined) throw new Error('no such content');
  return { kind: 'memory', bytes };
};

const group = {};
/** A tree with one of each kind that any user can make. */
export const sampleTree: Tree = folderOf({
  'a.txt': fileOf('hello\n', metaOf(0o640)),
  bin: folderOf({
    run: fileOf('#!/bin/sh\n', metaOf(0o755)),
    same: { kind: 'symlink', meta: metaOf(0o777), target: 'run' },
  }),
  empty: folderOf({}, metaOf(0o700)),
  'hard-1': fileOf('linked', metaOf(0o644), { links: group }),
  'hard-2': fileOf('linked', metaOf(0o644), { links: group }),
  'zero \xff': fileOf(''),
});

/** A job that keeps its events. */
export function jobOf(
  signal: AbortSignal = new AbortController().signal,
): Job & { readonly events: BuildEvent[] } {
  const events: BuildEvent[] = [];
  return { signal, events, emit: (event) => void events.push(event) };
}

async function layerOf(store: Store, tree: Tree): Promise<ExportLayer> {
  const chunks: Uint8Array[] = [];
  const { diffId } = await packLayer(diff(emptyTree(), tree), body, (chunk) => void chunks.push(chunk));
  const tar = Buffer.concat(chunks);
  return {
    diffId,
    blob: async (compression) => {
      if (compression === 'zstd') throw new Error('not here');
      const stored = await store.blobs.put(compression === 'gzip' ? gzipSync(tar) : tar);
      return { mediaType: layerMediaType(compression), ...stored };
    },
    open: ({ digest, size }) => store.blobs.open(digest, size),
  };
}

/** An image whose only layer is the tree. */
export async function imageOf(
  store: Store,
  names: readonly string[],
  tree: Tree = sampleTree,
): Promise<ExportableImage> {
  const layer = await layerOf(store, tree);
  const config: ImageConfig = {
    created: '2020-01-01T00:00:00Z',
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/run'], Labels: { b: '1', a: '2' }, WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ created: '2020-01-01T00:00:00Z', created_by: 'COPY . /' }],
  };
  const configBytes = Buffer.from(documentJson(config));
  const platform = { os: 'linux', architecture: 'amd64' };
  return { names, config, configBytes, platform, layers: [layer], tree: () => Promise.resolve(tree), body };
}

/** The same image for another architecture. */
export function forArchitecture(image: ExportableImage, architecture: string): ExportableImage {
  const config = { ...image.config, architecture };
  const platform = { ...image.platform, architecture };
  return { ...image, config, platform, configBytes: Buffer.from(documentJson(config)) };
}
