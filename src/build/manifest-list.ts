/** Indexes that users put together from images that are elsewhere, and keep here until they are pushed. */
import { manifestListsBucket } from '../cache/retain.js';
import { configPlatform, descriptorPlatform } from '../image/assemble.js';
import { descriptorOf } from '../oci/descriptor.js';
import { digestOf, hexOf } from '../oci/digest.js';
import { documentJson } from '../oci/document-json.js';
import { booleanOf, itemsOf, stringMapOf, stringOf, structOf } from '../oci/json-guards.js';
import { isIndexType, mediaTypes } from '../oci/media-types.js';
import type { Descriptor, Index } from '../oci/types.js';
import { parseImageConfig, parseIndex } from '../oci/validate.js';
import type { PushableImage } from '../registry/push-image.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { readImage, type ImageSource } from './copy/image-source.js';

export interface ListMember {
  /** With its platform. */
  readonly descriptor: Descriptor;
  /** The location that it is copied from, as text. */
  readonly source: string;
}

export interface ManifestList {
  /** Normalised. */
  readonly name: string;
  readonly members: readonly ListMember[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Docker's media types. */
  readonly docker: boolean;
}

const maxMembers = 1000;

/** Undefined when there is none of this name. */
export async function readList(store: Store, name: string): Promise<ManifestList | undefined> {
  const value = await store.records(manifestListsBucket).get(hexOf(digestOf(name)));
  if (value === undefined) return undefined;
  const record = structOf(value, 'list', ['name', 'members', 'annotations', 'docker']);
  return {
    name: stringOf(record['name'], 'list.name'),
    members: itemsOf(record['members'], 'list.members', maxMembers).map((item) => {
      const member = structOf(item, 'list.member', ['descriptor', 'source']);
      return {
        descriptor: descriptorOf(member['descriptor'], 'list.member'),
        source: stringOf(member['source'], 'list.member.source'),
      };
    }),
    annotations: stringMapOf(record['annotations'], 'list.annotations'),
    docker: booleanOf(record['docker'], 'list.docker'),
  };
}

/** As readList; throws `image` when there is none. */
export async function requiredList(store: Store, name: string): Promise<ManifestList> {
  const list = await readList(store, name);
  if (list !== undefined) return list;
  throw new TsbuildError('image', `there is no manifest list ${name}`, {
    hint: 'make it with: tsbuild manifest create NAME IMAGE...',
  });
}

export async function writeList(store: Store, list: ManifestList): Promise<void> {
  await store.records(manifestListsBucket).put(hexOf(digestOf(list.name)), list);
}

/** Whether there was one. */
export async function removeList(store: Store, name: string): Promise<boolean> {
  if ((await readList(store, name)) === undefined) return false;
  await store.records(manifestListsBucket).delete(hexOf(digestOf(name)));
  return true;
}

/** The members that an image brings into a list: itself with the platform of its config, or all of an index. */
export async function membersFrom(source: ImageSource, text: string): Promise<readonly ListMember[]> {
  const { root } = source;
  if (isIndexType(root.mediaType)) {
    const { manifests } = parseIndex(await source.document(root), root.mediaType);
    return manifests.map((descriptor) => ({ descriptor, source: text }));
  }
  const { config } = await readImage(source, undefined);
  if (config === undefined) throw new TsbuildError('image', `${source.name} is no image`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of config.open()) chunks.push(chunk);
  const platform = descriptorPlatform(configPlatform(parseImageConfig(Buffer.concat(chunks))));
  const { mediaType, digest, size } = root;
  return [{ descriptor: { mediaType, digest, size, platform }, source: text }];
}

/** The index as it is pushed; `manifests` are the members' own trees. */
export function indexOfList(list: ManifestList, manifests: readonly PushableImage[] = []): PushableImage {
  const { members, annotations, docker } = list;
  const annotated = Object.keys(annotations).length > 0;
  if (docker && (annotated || members.some(({ descriptor }) => descriptor.annotations !== undefined))) {
    throw new TsbuildError('unsupported', "annotations cannot be expressed in Docker's media types");
  }
  const mediaType = docker ? mediaTypes.dockerList : mediaTypes.ociIndex;
  const index: Index = {
    schemaVersion: 2,
    mediaType,
    manifests: members.map(({ descriptor }) => descriptor),
    ...(annotated ? { annotations } : {}),
  };
  const bytes = Buffer.from(documentJson(index));
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    bytes,
    layers: [],
    manifests,
  };
}
