import { packLayer } from '../layers/pack.js';
import { digestOf } from '../oci/digest.js';
import { writeDestination } from './destination.js';
import type { ExportEnvironment, Exporter } from './exporter.js';
import type { OutputSpec } from './output.js';
import { rootFileSystems } from './root-file-systems.js';

/** Writes the root file system as a tar, as a layer is packed: the bytes depend on the tree alone. */
export function tarExporter(
  spec: Extract<OutputSpec, { type: 'tar' }>,
  environment: ExportEnvironment,
): Exporter {
  return {
    async export(images, job) {
      const { epoch, index } = environment;
      const options = { platformSplit: spec.platformSplit ?? index, epoch };
      const { changeset, body } = await rootFileSystems(images, options);
      await writeDestination({ ...environment, dest: spec.dest }, (sink) =>
        packLayer(changeset, body, (chunk) => {
          job.signal.throwIfAborted();
          return sink(chunk);
        }),
      );
      return { descriptor: undefined, configs: images.map(({ configBytes }) => digestOf(configBytes)) };
    },
  };
}
