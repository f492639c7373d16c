import { parsePlatform } from '../../oci/platform.js';
import { formatBytes } from '../../progress/units.js';
import { createdBy } from '../created-by.js';
import { defineCommand } from '../define-command.js';
import { findImage } from '../find-image.js';
import { formatOption, isJson } from '../format-option.js';
import { withStore } from '../open-store.js';
import { historyRows, readImage, type HistoryRow } from '../read-image.js';
import { jsonLines, textTable } from '../text-table.js';
import { timeAgo } from '../time-ago.js';

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
      return historyRows(await readImage(store, image)).toReversed();
    });
    context.stdout.write(
      isJson(options.format) ? jsonLines(rows.map(jsonRow)) : table(rows, options['no-trunc']),
    );
    return 0;
  },
});

function jsonRow({ entry, layer }: HistoryRow): object {
  return { ...entry, size: layer?.size ?? 0, digest: layer?.digest };
}

function table(rows: readonly HistoryRow[], whole: boolean): string {
  const now = Date.now();
  const cells = rows.map(({ entry, layer }) => [
    timeAgo(entry.created, now),
    layer === undefined ? '-' : formatBytes(layer.size),
    createdBy(entry, whole),
  ]);
  return textTable(['CREATED', 'SIZE', 'CREATED BY'], cells);
}
