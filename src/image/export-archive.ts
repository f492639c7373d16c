import { memoryMember, writeArchive, type ArchiveMember } from './archive-writer.js';
import { writeDestination } from './destination.js';
import type { ExportableImage, ExportEnvironment, Exporter } from './exporter.js';
import { writeLayoutFolder } from './layout-folder.js';
import {
  blobPath,
  dockerManifestJson,
  indexJson,
  layoutMarker,
  layoutOf,
  type ImageLayout,
  type LayoutOptions,
} from './image-layout.js';
import { notForDocker, type OutputSpec } from './output.js';
import { reported } from './transfer.js';

type ArchiveSpec = Extract<OutputSpec, { type: 'oci' | 'docker' }>;

/**
 * Writes an OCI layout, as a tar or as a folder. For `docker` it has a `manifest.json` too, which `docker load`,
 * `podman load` and skopeo read; layers made here are left uncompressed there unless the form says otherwise.
 */
export function archiveExporter(spec: ArchiveSpec, environment: ExportEnvironment): Exporter {
  return {
    async export(images, job) {
      const isIndex = images.length > 1 || environment.index === true;
      if (spec.type === 'docker' && isIndex) throw notForDocker('a docker archive');
      const layout = await layoutOf(images, { ...layoutOptions(spec), index: environment.index });
      const files = filesOf(spec, layout, images);
      if (!spec.tar) await writeLayoutFolder({ spec, environment, layout, files }, job);
      else {
        const blobs = [...layout.blobs.values()].map((blob): ArchiveMember => {
          const { digest, size } = blob;
          return {
            name: blobPath(digest),
            size,
            content: () => reported(blob, { job, step: environment.step }),
          };
        });
        const members = [...folders, ...blobs, ...files];
        const options = { mtime: environment.epoch, signal: job.signal };
        await writeDestination({ ...environment, dest: spec.dest }, (sink) =>
          writeArchive(members, sink, options),
        );
      }
      return {
        descriptor: layout.root,
        configs: layout.images.map(({ config }) => config.descriptor.digest),
      };
    },
  };
}

const folders: readonly ArchiveMember[] = ['blobs/', 'blobs/sha256/'].map((name) => memoryMember(name, ''));

function layoutOptions({ type, form }: ArchiveSpec): LayoutOptions {
  return { form, compression: form.compression ?? (type === 'docker' ? 'none' : 'gzip') };
}

function filesOf(
  spec: ArchiveSpec,
  layout: ImageLayout,
  images: readonly ExportableImage[],
): readonly ArchiveMember[] {
  const names = [...new Set([...images.flatMap((image) => image.names), ...spec.form.names])];
  return [
    memoryMember('oci-layout', layoutMarker),
    memoryMember('index.json', indexJson(layout.named)),
    ...(spec.type === 'docker' ? [memoryMember('manifest.json', dockerManifestJson(layout, names))] : []),
  ];
}
