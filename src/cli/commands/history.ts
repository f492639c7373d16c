import type { LayerVerdict } from '../../build/finish-image.js';
import { readVerdicts } from '../../build/store-image.js';
import { parsePlatform } from '../../oci/platform.js';
import { formatBytes } from '../../progress/units.js';
import { createdBy } from '../created-by.js';
import { defineCommand } from '../define-command.js';
import { findImage, shortDigest } from '../find-image.js';
import { formatOption, isJson } from '../format-option.js';
import { withStore } from '../open-store.js';
import { historyRows, readImage, type HistoryRow } from '../read-image.js';
import { jsonLines, textTable } from '../text-table.js';
import { timeAgo } from '../time-ago.js';
import { verdictCells, verdictJson } from '../verdict-text.js';

export const history = defineCommand({
  name: 'history',
  summary: 'Print how an image was made, the newest step first',
  positionals: 'IMAGE',
  arity: [1, 1],
  options: {
    'no-trunc': { kind: 'flag', describe: 'Print whole instructions' },
    platform: {
      kind: 'text',
      value: 'OS/ARCH[/VARIANT]',
      describe: 'Which image of a name for several platforms',
    },
    format: formatOption,
  },
  async run({ options, positionals: [text = ''] }, context) {
    const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
    const rows = await withStore(context, async (store) => {
      const { image } = await findImage(store, text, platform);
      const verdicts = [...((await readVerdicts(store, image.config)) ?? [])];
      return historyRows(await readImage(store, image))
        .map((row) => ({ ...row, verdict: row.layer === undefined ? undefined : verdicts.shift() }))
        .toReversed();
    });
    context.stdout.write(
      isJson(options.format) ? jsonLines(rows.map(jsonRow)) : table(rows, options['no-trunc']),
    );
    return 0;
  },
});

interface Row extends HistoryRow {
  readonly verdict: LayerVerdict | undefined;
}

function jsonRow({ entry, layer, verdict }: Row): object {
  return {
    ...entry,
    size: layer?.size ?? 0,
    digest: layer?.digest,
    ...(layer === undefined ? {} : verdictJson(verdict)),
  };
}

function table(rows: readonly Row[], whole: boolean): string {
  const now = Date.now();
  const cells = rows.map(({ entry, layer, verdict }) => [
    timeAgo(entry.created, now),
    layer === undefined ? '-' : formatBytes(layer.size),
    layer === undefined ? '-' : shortDigest(layer.digest),
    ...verdictCells(layer === undefined ? undefined : verdict, now),
    createdBy(entry, whole),
  ]);
  return textTable(['CREATED', 'SIZE', 'LAYER', 'CACHE', 'MADE', 'KEY', 'CREATED BY'], cells);
}
