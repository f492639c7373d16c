/** Checks of descriptors that others wrote (image-spec descriptor.md). */
import { digestOf, isDigest, type Digest } from './digest.js';
import { countOf, optionalMembers, stringMapOf, stringOf, stringsOf, structOf } from './json-guards.js';
import type { Descriptor, DescriptorPlatform } from './types.js';
import { TsbuildError } from '../util/errors.js';

const descriptorMembers = [
  'mediaType',
  'digest',
  'size',
  'annotations',
  'urls',
  'platform',
  'artifactType',
  'data',
];
const typeName = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** Reads a descriptor (image-spec descriptor.md); embedded `data` is checked against the digest and dropped. */
export function descriptorOf(value: unknown, where: string): Descriptor {
  const object = structOf(value, where, descriptorMembers);
  const mediaType = stringOf(object['mediaType'], `${where}.mediaType`);
  if (!typeName.test(mediaType))
    throw new TsbuildError(
      'image',
      `${where}.mediaType is not a media type: ${JSON.stringify(mediaType.slice(0, 100))}`,
    );
  const digest = digestAt(object['digest'], `${where}.digest`);
  const size = countOf(object['size'], `${where}.size`);
  checkData(object['data'] ?? undefined, { digest, size }, where);
  return {
    mediaType,
    digest,
    size,
    ...optionalMembers(object, where, {
      annotations: stringMapOf,
      urls: stringsOf,
      platform: platformOf,
      artifactType: stringOf,
    }),
  };
}

/** A sha256 digest; `where` is the path of the value for the message. */
export function digestAt(value: unknown, where: string): Digest {
  if (isDigest(value)) return value;
  const text = stringOf(value, where);
  throw new TsbuildError('image', `${where} is not a sha256 digest: ${JSON.stringify(text.slice(0, 100))}`);
}

function checkData(data: unknown, expected: { digest: Digest; size: number }, where: string): void {
  if (data === undefined) return;
  const bytes = Buffer.from(stringOf(data, `${where}.data`), 'base64');
  if (bytes.length === expected.size && digestOf(bytes) === expected.digest) return;
  throw new TsbuildError('image', `${where}.data does not match the digest beside it`);
}

function platformOf(value: unknown, where: string): DescriptorPlatform {
  const object = structOf(value, where, ['os', 'architecture', 'variant', 'os.version', 'os.features']);
  return {
    os: stringOf(object['os'] ?? '', `${where}.os`),
    architecture: stringOf(object['architecture'] ?? '', `${where}.architecture`),
    ...optionalMembers(object, where, {
      variant: stringOf,
      'os.version': stringOf,
      'os.features': stringsOf,
    }),
  };
}
