import { memoryMember, writeArchive, type ArchiveMember } from '../../image/archive-writer.js';
import { writeDestination } from '../../image/destination.js';
import type { ExportEnvironment } from '../../image/exporter.js';
import {
  blobPath,
  dockerManifestJson,
  indexJson,
  layoutMarker,
  type ImageLayout,
  type LayoutBlob,
} from '../../image/image-layout.js';
import { writeLayoutFolder } from '../../image/layout-folder.js';
import { reported } from '../../image/transfer.js';
import type { Digest } from '../../oci/digest.js';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.js';
import type { Descriptor } from '../../oci/types.js';
import type { Job } from '../../progress/event.js';
import type { PushableImage } from '../../registry/push-image.js';
import { TsbuildError } from '../../util/errors.js';
import { documentsOf, leavesOf } from './image-source.js';
import type { Location } from './location.js';

type FileLocation = Extract<Location, { readonly path: string }>;

/** Writes an image to a layout folder, or to an archive of one; for docker-archive with docker's `manifest.json`. */
export async function copyToLayout(
  image: PushableImage,
  location: FileLocation,
  { environment, job }: { readonly environment: ExportEnvironment; readonly job: Job },
): Promise<void> {
  const layout = layoutFor(image, location);
  const files = [
    memoryMember('oci-layout', layoutMarker),
    memoryMember('index.json', indexJson(layout.named)),
    ...(location.kind === 'docker-archive' ? [dockerManifest(layout, location.name)] : []),
  ];
  const spec = { dest: location.path };
  if (location.kind === 'oci') return writeLayoutFolder({ spec, environment, layout, files }, job);
  const members = [...layout.blobs.values()].map((blob): ArchiveMember => {
    const { digest, size } = blob;
    return { name: blobPath(digest), size, content: () => reported(blob, { job, step: environment.step }) };
  });
  const all = [memoryMember('blobs/', ''), memoryMember('blobs/sha256/', ''), ...members, ...files];
  await writeDestination({ ...environment, dest: location.path }, (sink) =>
    writeArchive(all, sink, { signal: job.signal }),
  );
}

function layoutFor(image: PushableImage, { kind, name }: FileLocation): ImageLayout {
  const blobs = new Map<Digest, LayoutBlob>();
  for (const { descriptor, bytes, layers, config } of documentsOf(image)) {
    for (const blob of [...layers, ...(config === undefined ? [] : [config])])
      blobs.set(blob.descriptor.digest, { ...idOf(blob.descriptor), open: () => blob.open() });
    blobs.set(descriptor.digest, { ...idOf(descriptor), open: () => once(bytes) });
  }
  const { descriptor } = image;
  const named = name === undefined ? descriptor : { ...descriptor, annotations: annotationsOf(kind, name) };
  const images = leavesOf(image).map((leaf) => ({
    config: { bytes: new Uint8Array(), descriptor: leaf.config?.descriptor ?? leaf.descriptor },
    manifest: leaf,
    layers: leaf.layers.map((layer) => layer.descriptor),
  }));
  return { blobs, named: [named], root: descriptor, images };
}

function idOf({ digest, size }: Descriptor): Pick<LayoutBlob, 'digest' | 'size'> {
  return { digest, size };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** A layout's names are free text; those of an archive for Docker are names of images. */
function annotationsOf(kind: FileLocation['kind'], name: string): Record<string, string> {
  if (kind !== 'docker-archive') return { 'org.opencontainers.image.ref.name': name };
  const reference = withDefaultTag(parseReference(name));
  return {
    'io.containerd.image.name': formatReference(reference),
    ...(reference.tag === undefined ? {} : { 'org.opencontainers.image.ref.name': reference.tag }),
  };
}

function dockerManifest(layout: ImageLayout, name: string | undefined): ArchiveMember {
  if (layout.images.length !== 1) {
    throw new TsbuildError('unsupported', 'a docker archive cannot hold an image for several platforms', {
      hint: 'choose one with --platform, or write an oci-archive',
    });
  }
  const names = name === undefined ? [] : [formatReference(withDefaultTag(parseReference(name)))];
  return memoryMember('manifest.json', dockerManifestJson(layout, names));
}
