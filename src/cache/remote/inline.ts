import { isJsonObject } from '../../oci/json-guards.js';
import { parseStrictJson } from '../../oci/strict-json.js';
import type { Descriptor } from '../../oci/types.js';
import { TsbuildError } from '../../util/errors.js';
import { noContent, type CacheContent, type KeptLayer } from './content.js';
import { decodeDocument, encodeDocument } from './document.js';
import { inlineKey } from './inline-key.js';

/** The value of the member. The blobs of the layers are those of the image, whatever their compression will be. */
export function inlineValue(content: CacheContent): string {
  return encodeDocument({ content, covers: [] }).toString('base64');
}

/**
 * The records in an image config; none when it has none. Layers are found in the image's manifest by their DiffID, so
 * that a record cannot name the blob of another image. Throws `image`.
 */
export function inlineContent(config: Uint8Array, blobs: readonly Descriptor[]): CacheContent {
  const value = parseStrictJson(config, 'the image config');
  if (!isJsonObject(value) || value[inlineKey] === undefined) return noContent;
  const text = value[inlineKey];
  if (typeof text !== 'string')
    throw new TsbuildError('image', `the member ${inlineKey} of the config is no text`);
  const { content } = decodeDocument(Buffer.from(text, 'base64'));
  const byDiffId = new Map(diffIdsOf(value).map((diffId, i) => [diffId, blobs[i]]));
  const layers = [...content.layers].map(([id, { ref, place }]): [typeof id, KeptLayer] => {
    const blob = place && byDiffId.get(place.diffId);
    return [
      id,
      place === undefined || blob === undefined
        ? { ref }
        : { ref, place: { ...place, blob, changeset: undefined } },
    ];
  });
  return { ...content, layers: new Map(layers), mounts: new Map() };
}

function diffIdsOf(config: Readonly<Record<string, unknown>>): readonly unknown[] {
  const { rootfs } = config;
  if (!isJsonObject(rootfs)) return [];
  const diffIds = rootfs['diff_ids'];
  return Array.isArray(diffIds) ? diffIds : [];
}
