import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../oci/canonical-json.js';
import { descriptorOf, digestAt } from '../oci/descriptor.js';
import { digestOf, hexOf, type Digest } from '../oci/digest.js';
import { countOf, isJsonObject, itemsOf, stringOf, type JsonObject } from '../oci/json-guards.js';
import type { Platform } from '../oci/platform.js';
import type { Descriptor } from '../oci/types.js';
import { TsbuildError } from '../util/errors.js';
import { evict } from './evict.js';
import { explained } from './failure.js';
import { isIndexed } from './oci-index.js';
import { publishFile } from './publish.js';
import { encodeRecord, readRecord } from './records.js';

/** An image for one platform. Its manifest and config are blobs of the store; its layers may be elsewhere. */
export interface StoredImage {
  readonly kind: 'image';
  /** Names the image everywhere. */
  readonly config: Digest;
  readonly manifest: Descriptor;
  readonly platform: Platform;
  /** The reference that it was pulled from. */
  readonly source?: string | undefined;
  /** Entity tag that the registry gave with the manifest. */
  readonly etag?: string | undefined;
}

/** Images for several platforms under one name. The index is a blob of the store. */
export interface StoredIndex {
  readonly kind: 'index';
  readonly index: Descriptor;
  readonly images: readonly StoredImage[];
}

/** What a name points to. */
export type ImageTarget = StoredImage | StoredIndex;

export interface Reference {
  /** Normalised by the caller: `docker.io/library/app:latest`. */
  readonly name: string;
  readonly target: ImageTarget;
  /** When the name was given to this target: milliseconds since 1970. */
  readonly created: number;
}

/** Names of images: one file each, `references/v1/<sha256 of the name>`, so that writers do not meet. */
export interface References {
  get(name: string): Promise<Reference | undefined>;
  /** Gives the name to the target, whoever had it. What the target consists of must be in the store already. */
  set(name: string, target: ImageTarget): Promise<Reference>;
  /** Whether there was such a name. */
  delete(name: string): Promise<boolean>;
  /** In the order of the names. A damaged reference is left out. */
  list(): Promise<readonly Reference[]>;
}

const folder = 'references/v1';

/** References of the store at `root`; `changed` runs after each change. */
export function openReferences(root: string, changed: () => Promise<void>): References {
  const relative = (name: string) => `${folder}/${hexOf(digestOf(name))}`;
  const get = (name: string) =>
    explained('cannot read a reference', () => readReference(join(root, relative(name))));
  return {
    get,
    set: (name, target) =>
      explained('cannot write a reference', async () => {
        const known = await get(name);
        if (known !== undefined && canonicalJson(known.target) === canonicalJson(target)) {
          if (!(await isIndexed(root, known))) await changed();
          return known;
        }
        const reference: Reference = { name, target, created: Date.now() };
        await publishFile(root, relative(name), encodeRecord(reference));
        await changed();
        return reference;
      }),
    delete: async (name) => {
      if ((await get(name)) === undefined) return false;
      await explained('cannot delete a reference', () => evict(root, join(root, relative(name))));
      await changed();
      return true;
    },
    list: () => explained('cannot list the references', () => listReferences(root)),
  };
}

/** The images behind a target, one per platform. */
export function imagesOf(target: ImageTarget): readonly StoredImage[] {
  return target.kind === 'index' ? target.images : [target];
}

async function listReferences(root: string): Promise<readonly Reference[]> {
  const names = await readdir(join(root, folder));
  const found = await Promise.all(names.map((name) => readReference(join(root, folder, name))));
  return found.filter((reference) => reference !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readReference(path: string): Promise<Reference | undefined> {
  const value = await readRecord(path);
  if (!isJsonObject(value)) return undefined;
  try {
    const name = stringOf(value['name'], 'name');
    return { name, target: targetOf(value['target']), created: countOf(value['created'], 'created') };
  } catch (error) {
    if (error instanceof TsbuildError) return undefined;
    throw error;
  }
}

function targetOf(value: unknown): ImageTarget {
  if (!isJsonObject(value)) throw new TsbuildError('store', 'a reference without target');
  if (value['kind'] === 'image') return imageOf(value);
  const images = itemsOf(value['images'], 'images', 1000).map((image) =>
    imageOf(isJsonObject(image) ? image : {}),
  );
  return { kind: 'index', index: descriptorOf(value['index'], 'index'), images };
}

function imageOf(value: JsonObject): StoredImage {
  const platform = isJsonObject(value['platform']) ? value['platform'] : {};
  const optional = (object: JsonObject, key: string) =>
    object[key] === undefined ? {} : { [key]: stringOf(object[key], key) };
  return {
    kind: 'image',
    config: digestAt(value['config'], 'config'),
    manifest: descriptorOf(value['manifest'], 'manifest'),
    platform: {
      os: stringOf(platform['os'], 'os'),
      architecture: stringOf(platform['architecture'], 'architecture'),
      ...optional(platform, 'variant'),
      ...optional(platform, 'osVersion'),
    },
    ...optional(value, 'source'),
    ...optional(value, 'etag'),
  };
}
