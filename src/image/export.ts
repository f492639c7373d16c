import { archiveExporter } from './export-archive.js';
import { localExporter } from './export-local.js';
import { tarExporter } from './export-tar.js';
import type { ExportEnvironment, Exporter } from './exporter.js';
import type { OutputSpec } from './output.js';

/** The exporter of an output that is a file or folder. What goes to the store or a registry is not exported. */
export function createExporter(
  spec: Exclude<OutputSpec, { type: 'image' }>,
  environment: ExportEnvironment,
): Exporter {
  switch (spec.type) {
    case 'oci':
    case 'docker':
      return archiveExporter(spec, environment);
    case 'tar':
      return tarExporter(spec, environment);
    case 'local':
      return localExporter(spec, environment);
  }
}
