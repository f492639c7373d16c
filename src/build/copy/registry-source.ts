import { formatReference, type Reference } from '../../oci/reference.js';
import type { Job } from '../../progress/event.js';
import type { RegistryClient } from '../../registry/types.js';
import type { ImageSource } from './image-source.js';

/** An image of a registry. Blobs stream from there; another repository of the registry can mount them. */
export async function registrySource(
  client: RegistryClient,
  reference: Reference,
  job: Job,
): Promise<ImageSource> {
  const root = await client.manifest(reference, job);
  return {
    name: formatReference(reference),
    root: root.descriptor,
    document: async ({ digest }) => {
      if (digest === root.descriptor.digest) return root.bytes;
      return (await client.manifest({ ...reference, tag: undefined, digest }, job)).bytes;
    },
    blob: (descriptor) => ({
      descriptor,
      open: (offset) => client.openBlob(reference, descriptor, job, offset),
      mountFrom: [reference.repository],
    }),
  };
}
