import type { LayerVerdict } from '../../build/finish-image.js';
import { readVerdicts } from '../../build/store-image.js';
import { parsePlatform } from '../../oci/platform.js';
import { maxDocumentSize } from '../../oci/strict-json.js';
import { parseIndex } from '../../oci/validate.js';
import { formatBytes } from '../../progress/units.js';
import { createdBy } from '../created-by.js';
import { defineCommand } from '../define-command.js';
import { shownName } from '../../progress/shown-name.js';
import { findImage, findTarget, shortDigest } from '../find-image.js';
import { formatOption, isJson } from '../format-option.js';
import { registryOptions } from '../registry-request.js';
import type { Store } from '../../store/store.js';
import { withStore } from '../open-store.js';
import { historyRows, readImage, type ReadImage } from '../read-image.js';
import { jsonLines, textTable } from '../text-table.js';
import { verdictCells, verdictJson } from '../verdict-text.js';

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'Print names, digests and configuration of an image as JSON',
  positionals: 'IMAGE',
  arity: [1, 1],
  options: {
    layers: {
      kind: 'flag',
      describe:
        'Print the layers instead: digest, size, whether the last build took it from the cache, when and under which key it was kept, what made it',
    },
    platform: {
      kind: 'text',
      value: 'OS/ARCH[/VARIANT]',
      describe: 'Which image of a name for several platforms',
    },
    format: { ...formatOption, describe: 'With --layers: table, or json' },
    raw: { kind: 'flag', describe: 'Print the manifest or index that a registry has, byte for byte' },
    config: { kind: 'flag', describe: 'With --raw: print the configuration instead' },
    ...registryOptions,
  },
  async run({ options, positionals: [text = ''] }, context) {
    if (options.raw || options.config) {
      const { runInspectRaw } = await import('../run-registry.js');
      return runInspectRaw(text, options, context);
    }
    const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
    const output = await withStore(context, async (store) => {
      const { image, names } = await findImage(store, text, platform);
      const read = await readImage(store, image);
      if (options.layers) {
        return layerTable(read, await readVerdicts(store, image.config), isJson(options.format));
      }
      const facts = {
        names: names.map(shownName),
        id: image.config,
        ...(await indexFacts(store, text)),
        manifest: image.manifest,
        annotations: read.manifest.annotations,
        config: read.config,
      };
      return `${JSON.stringify(facts, null, 2)}\n`;
    });
    context.stdout.write(output);
    return 0;
  },
});

/** Of a name for several platforms the index, and its annotations. */
async function indexFacts(store: Store, text: string): Promise<object> {
  const { target } = await findTarget(store, text);
  if (target.kind === 'image') return {};
  const bytes = await store.blobs.read(target.index.digest, maxDocumentSize);
  const { annotations } = parseIndex(bytes, target.index.mediaType);
  return { index: target.index, indexAnnotations: annotations };
}

function layerTable(read: ReadImage, verdicts: readonly LayerVerdict[] | undefined, json: boolean): string {
  const layers = historyRows(read).flatMap(({ entry, layer }) =>
    layer === undefined ? [] : [{ entry, layer }],
  );
  if (json) {
    return jsonLines(
      layers.map(({ entry, layer }, i) => ({
        ...layer,
        ...verdictJson(verdicts?.[i]),
        created_by: entry.created_by,
      })),
    );
  }
  const now = Date.now();
  const rows = layers.map(({ entry, layer }, index) => [
    String(index + 1),
    shortDigest(layer.digest),
    formatBytes(layer.size),
    ...verdictCells(verdicts?.[index], now),
    createdBy(entry, false),
  ]);
  return textTable(['LAYER', 'DIGEST', 'SIZE', 'CACHE', 'MADE', 'KEY', 'CREATED BY'], rows);
}
