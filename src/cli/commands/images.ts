import { formatPlatform } from '../../oci/platform.js';
import { formatBytes } from '../../progress/units.js';
import { imagesOf, type Reference, type StoredImage } from '../../store/references.js';
import type { Store } from '../../store/store.js';
import { defineCommand } from '../define-command.js';
import { shownName } from '../../progress/shown-name.js';
import { shortDigest } from '../find-image.js';
import { formatOption, isJson } from '../format-option.js';
import { withStore } from '../open-store.js';
import { layersSize, readImage } from '../read-image.js';
import { jsonLines, textTable } from '../text-table.js';
import { timeAgo } from '../time-ago.js';

export const images = defineCommand({
  name: 'images',
  summary: 'List the images of the store',
  positionals: '[NAME]',
  arity: [0, 1],
  options: {
    quiet: { kind: 'flag', short: 'q', describe: 'Print only the digests of the image configurations' },
    format: formatOption,
  },
  async run({ options, positionals: [wanted] }, context) {
    const rows = await withStore(context, async (store) => {
      const references = (await store.references.list()).filter(({ name }) => matches(name, wanted));
      return Promise.all(references.flatMap((reference) => rowsOf(store, reference)));
    });
    context.stdout.write(format(rows, options));
    return 0;
  },
});

interface Row {
  readonly name: string;
  readonly id: string;
  readonly manifest: string;
  /** Undefined when the image cannot be read. */
  readonly size: number | undefined;
  readonly created: string | undefined;
  readonly platform: string;
}

/** A name without a tag means all its tags. */
function matches(name: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  const shown = shownName(name);
  return [name, shown].some((form) => form === wanted || form.startsWith(`${wanted}:`));
}

function rowsOf(store: Store, { name, target }: Reference): Promise<Row>[] {
  return imagesOf(target).map((image) => rowOf(store, name, image));
}

async function rowOf(store: Store, name: string, image: StoredImage): Promise<Row> {
  const read = await readImage(store, image).catch(() => undefined);
  return {
    name: shownName(name),
    id: image.config,
    manifest: image.manifest.digest,
    size: read === undefined ? undefined : layersSize(read.manifest),
    created: read?.config.created,
    platform: formatPlatform(image.platform),
  };
}

function format(rows: readonly Row[], options: { quiet: boolean; format: string | undefined }): string {
  if (options.quiet) return [...new Set(rows.map(({ id }) => `${id}\n`))].join('');
  if (isJson(options.format)) return jsonLines(rows);
  const now = Date.now();
  const cells = rows.map((row) => [
    row.name,
    shortDigest(row.id),
    row.size === undefined ? 'damaged' : formatBytes(row.size),
    timeAgo(row.created, now),
    row.platform,
  ]);
  return textTable(['NAME', 'IMAGE ID', 'SIZE', 'CREATED', 'PLATFORM'], cells);
}
