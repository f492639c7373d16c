import { gunzipSync, gzipSync } from 'node:zlib';
import { isLayerRef, type LayerId } from '../../layers/layer.js';
import { descriptorOf, digestAt } from '../../oci/descriptor.js';
import type { Digest, DiffID } from '../../oci/digest.js';
import { countOf, isJsonObject, itemsOf, stringOf, type JsonObject } from '../../oci/json-guards.js';
import { compressionOf } from '../../oci/media-types.js';
import { TsbuildError } from '../../util/errors.js';
import {
  clampKey,
  recordName,
  type CacheContent,
  type KeptChunk,
  type KeptLayer,
  type KeptMount,
  type KeptPlace,
  type KeptRecord,
} from './content.js';
import { isSalt, isSalted } from './salt.js';

/** Version of the form. Readers ignore documents of another. */
const version = 1;

/** Limits of what somebody else wrote: bytes, and counts. */
const limits = {
  compressed: 64 * 1024 * 1024,
  plain: 256 * 1024 * 1024,
  layers: 100_000,
  records: 100_000,
  snapshot: 1000,
  parts: 10_000,
  chunks: 100_000,
  covers: 100_000,
  /** Characters of a changeset. */
  lines: 64 * 1024,
};

/** Bytes of the largest document that is read. */
export const maxDocument = limits.compressed;

/** A content and the names of the documents that it was merged from. */
export interface CacheDocument {
  readonly content: CacheContent;
  readonly covers: readonly string[];
}

/** A document as JSON compressed with gzip. Layers are numbered, because each stands in many snapshots. */
export function encodeDocument(document: CacheDocument): Buffer {
  return gzipSync(JSON.stringify(documentJson(document)));
}

/** As `encodeDocument`, for a place that holds JSON itself. */
export function documentJson({ content, covers }: CacheDocument): JsonObject {
  const { layers, clamped, records, mounts } = content;
  const numbers = new Map([...layers.keys()].map((id, i) => [id, i]));
  const numberOf = (id: LayerId): number => {
    const number = numbers.get(id);
    if (number === undefined) throw new Error(`a cache record names the layer ${id}, which is not described`);
    return number;
  };
  const salts = [...new Set([...records.values()].map(({ salt }) => salt))];
  return {
    tsbuildCache: version,
    layers: [...layers.values()].map(({ ref, place }) => ({ ...ref, ...place })),
    clamped: [...clamped].map(([key, id]) => {
      const [layer = '', epoch] = key.split(' ');
      return [numberOf(layer as LayerId), Number(epoch), numberOf(id)];
    }),
    groups: salts.map((salt) => ({
      salt,
      records: [...records.values()]
        .filter((record) => record.salt === salt)
        .map(({ salt: _salt, snapshot, ...record }) => ({ ...record, snapshot: snapshot.map(numberOf) })),
    })),
    mounts: [...mounts.values()],
    covers,
  };
}

/** Reads a document. Throws `image` for anything that `encodeDocument` would not write, and beyond the limits. */
export function decodeDocument(bytes: Uint8Array): CacheDocument {
  if (bytes.length > limits.compressed) throw damaged('is too large');
  let value: unknown;
  try {
    value = JSON.parse(gunzipSync(bytes, { maxOutputLength: limits.plain }).toString('utf8'));
  } catch (cause) {
    throw damaged('cannot be read', cause);
  }
  return parseDocument(value);
}

/** Reads the JSON of a document. Throws `image`. */
export function parseDocument(value: unknown): CacheDocument {
  if (!isJsonObject(value) || value['tsbuildCache'] !== version) throw damaged('has another form');
  const layers = itemsOf(value['layers'], 'layers', limits.layers).map(layerOf);
  const ids = layers.map(({ ref }) => ref.id);
  const groups = itemsOf(value['groups'], 'groups', 1000);
  const records = groups.flatMap((group) => recordsOf(group, ids));
  if (records.length > limits.records) throw damaged('has too many records');
  const clamped = itemsOf(value['clamped'], 'clamped', limits.layers).map((item) => clampOf(item, ids));
  const mounts = itemsOf(value['mounts'], 'mounts', 1000).map(mountOf);
  return {
    content: {
      layers: new Map(layers.map((layer) => [layer.ref.id, layer])),
      clamped: new Map(clamped),
      records: new Map(records.map((record) => [recordName(record), record])),
      mounts: new Map(mounts.map((mount) => [mount.name, mount])),
    },
    covers: itemsOf(value['covers'], 'covers', limits.covers).map((name) => stringOf(name, 'covers')),
  };
}

function layerOf(value: unknown): KeptLayer {
  if (!isLayerRef(value)) throw damaged('names a layer wrongly');
  const { id, empty, created } = value;
  const ref = { id, empty, created };
  return isJsonObject(value) && value['diffId'] !== undefined ? { ref, place: placeOf(value) } : { ref };
}

function placeOf(object: JsonObject): KeptPlace {
  const blob = descriptorOf(object['blob'], 'blob');
  if (compressionOf(blob.mediaType) === undefined) throw damaged('has a layer of an unknown type');
  const place = {
    diffId: digestAt(object['diffId'], 'diffId') as DiffID,
    size: countOf(object['size'], 'size'),
    blob,
  };
  const { changeset, lines } = object;
  if (lines !== undefined) {
    const text = stringOf(lines, 'lines');
    if (text.length > limits.lines) throw damaged('has a long list of files');
    return { ...place, lines: text };
  }
  return changeset === undefined ? place : { ...place, changeset: descriptorOf(changeset, 'changeset') };
}

function recordsOf(group: unknown, ids: readonly LayerId[]): readonly KeptRecord[] {
  if (!isJsonObject(group) || !isSalt(group['salt'])) throw damaged('has no salt');
  const { salt } = group;
  return itemsOf(group['records'], 'records', limits.records).map((record) => recordOf(record, salt, ids));
}

function recordOf(value: unknown, salt: string, ids: readonly LayerId[]): KeptRecord {
  if (!isJsonObject(value)) throw damaged('has a record that is none');
  const { by, own } = value;
  if (by !== 'definition' && by !== 'content') throw damaged('has a record of an unknown kind');
  if (own !== 0 && own !== 1) throw damaged('has a record of several steps');
  const snapshot = itemsOf(value['snapshot'], 'snapshot', limits.snapshot).map((item) => idAt(item, ids));
  const inputs = digestsOf(value['inputs'], 'inputs');
  const chains = digestsOf(value['chains'], 'chains');
  if (snapshot.length === 0 || inputs.length !== chains.length) throw damaged('has an incomplete record');
  return {
    salt,
    key: saltedOf(value['key']),
    by,
    text: saltedOf(value['text']),
    place: saltedOf(value['place']),
    recipe: itemsOf(value['recipe'], 'recipe', limits.parts).map(partOf),
    snapshot,
    own,
    inputs,
    chains,
    created: countOf(value['created'], 'created'),
    duration: countOf(value['duration'], 'duration'),
  };
}

function partOf(value: unknown): readonly [string, string] {
  const [label, part] = itemsOf(value, 'part', 2);
  return [stringOf(label, 'label'), saltedOf(part)];
}

function saltedOf(value: unknown): string {
  if (!isSalted(value)) throw damaged('has a record without a name');
  return value;
}

function digestsOf(value: unknown, where: string): readonly Digest[] {
  return itemsOf(value, where, limits.parts).map((digest) => digestAt(digest, where));
}

function idAt(value: unknown, ids: readonly LayerId[]): LayerId {
  const id = ids[countOf(value, 'snapshot')];
  if (id === undefined) throw damaged('names a layer that it does not describe');
  return id;
}

function clampOf(value: unknown, ids: readonly LayerId[]): readonly [string, LayerId] {
  const [layer, epoch, to] = itemsOf(value, 'clamped', 3);
  return [clampKey(idAt(layer, ids), countOf(epoch, 'epoch')), idAt(to, ids)];
}

function mountOf(value: unknown): KeptMount {
  if (!isJsonObject(value)) throw damaged('has a cache mount that is none');
  if (!isSalt(value['salt'])) throw damaged('has no salt');
  return {
    salt: value['salt'],
    name: saltedOf(value['name']),
    saved: countOf(value['saved'], 'saved'),
    listing: itemsOf(value['listing'], 'listing', limits.chunks).map(chunkOf),
    chunks: itemsOf(value['chunks'], 'chunks', limits.chunks).map(chunkOf),
    digest: digestAt(value['digest'], 'digest'),
  };
}

function chunkOf(value: unknown): KeptChunk {
  if (!isJsonObject(value)) throw damaged('has a chunk that is none');
  return {
    plain: digestAt(value['plain'], 'plain'),
    size: countOf(value['size'], 'size'),
    blob: descriptorOf(value['blob'], 'chunk'),
  };
}

function damaged(problem: string, cause?: unknown): TsbuildError {
  return new TsbuildError('image', `a document of the cache ${problem}`, { cause });
}
