/** Stores of tests: temporary ones, and small images in them. */
import type { ExecutionContext } from 'ava';
import { gzipSync } from 'node:zlib';
import { canonicalJson } from '../../src/oci/canonical-json.js';
import { digestOf, type DiffID } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import type { Descriptor, ImageConfig, Manifest } from '../../src/oci/types.js';
import type { StoredImage } from '../../src/store/references.js';
import { openStore, type Store } from '../../src/store/store.js';
import { makeScratch, removeScratch } from './scratch.js';

/** A folder that is deleted when the test has ended. */
export function scratchOf(t: ExecutionContext, label = 'test'): string {
  const folder = makeScratch(label);
  t.teardown(() => removeScratch(folder));
  return folder;
}

/** An empty store that is deleted when the test has ended. */
export async function storeOf(t: ExecutionContext): Promise<Store> {
  const store = await openStore(`${scratchOf(t, 'store')}/root`);
  t.teardown(() => store.close());
  return store;
}

/** A tar of one file `name` with its name as content, as GNU tar reads it. */
export function tarOf(name: string): Buffer {
  const content = Buffer.from(name);
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write('0000644\0' + '0000000\0' + '0000000\0', 100, 'latin1');
  header.write(
    content.length.toString(8).padStart(11, '0') + '\0' + '00000000000\0' + ' '.repeat(8) + '0',
    124,
    'latin1',
  );
  header.write('ustar\0' + '00', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(sum.toString(8).padStart(6, '0') + '\0 ', 148, 'latin1');
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

/** Puts an image with one layer per name into the store, in the order layers, config, manifest. */
export async function putImage(store: Store, names: readonly string[]): Promise<StoredImage> {
  const tars = names.map(tarOf);
  const layers = await Promise.all(tars.map((tar) => putBlob(store, mediaTypes.ociLayerGzip, gzipSync(tar))));
  const config: ImageConfig = {
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/hello'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar) as DiffID) },
    history: names.map((name) => ({ created_by: `COPY ${name} /`, created: '2020-01-01T00:00:00Z' })),
  };
  const configBlob = await putBlob(store, mediaTypes.ociConfig, Buffer.from(canonicalJson(config)));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: configBlob,
    layers,
  };
  return {
    kind: 'image',
    config: configBlob.digest,
    manifest: await putBlob(store, mediaTypes.ociManifest, Buffer.from(canonicalJson(manifest))),
    platform: { os: 'linux', architecture: 'amd64' },
  };
}

async function putBlob(store: Store, mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
  return { mediaType, ...(await store.blobs.put(bytes)) };
}
