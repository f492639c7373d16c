/** The places that the shared suite of remote caches is run against. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { mediaTypes } from '../../../src/oci/media-types.js';
import { actionsToken, startActionsCache } from '../../helpers/actions-cache-server.js';
import { startFaultServer } from '../../helpers/fault-server.js';
import { registryAvailable, startRegistry } from '../../helpers/registry-server.js';
import { s3Credentials, startS3 } from '../../helpers/s3-server.js';
import { scratchOf } from '../../helpers/stores.js';

/** A cache that some machines share. */
export interface Place {
  readonly from: string;
  /** Without options such as `mode`. */
  readonly to: string;
  /** Names of everything that is kept: manifests and blobs. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Buffer>;
  /** Undefined: deletes it. */
  replace(name: string, bytes: Buffer | undefined): Promise<void>;
}

export interface Backend {
  readonly name: string;
  readonly available: boolean;
  open(t: ExecutionContext): Promise<Place>;
}

export const folderBackend: Backend = {
  name: 'folder',
  available: true,
  open: (t) => {
    const folder = join(scratchOf(t, 'cache'), 'cache');
    return Promise.resolve({
      from: `type=local,src=${folder}`,
      to: `type=local,dest=${folder}`,
      ...filesBelow(folder),
    });
  },
};

export const registryBackend: Backend = {
  name: 'docker-registry',
  available: registryAvailable,
  open: async (t) => {
    const server = await startRegistry();
    t.teardown(() => server.close());
    const ref = `type=registry,ref=${server.host}/team/cache:main`;
    return { from: ref, to: ref, ...filesBelow(join(server.storage, 'docker/registry/v2/blobs')) };
  },
};

export const memoryBackend: Backend = {
  name: 'memory registry',
  available: true,
  open: async (t) => {
    const server = await startFaultServer();
    t.teardown(() => server.close());
    const { blobs, manifests } = server.registry;
    const removed = new Set<string>();
    const ref = `type=registry,ref=${server.host}/team/cache:main`;
    return {
      from: ref,
      to: ref,
      list: () => Promise.resolve([...blobs.keys(), ...manifests.keys()]),
      read: (name) => Promise.resolve(blobs.get(name) ?? manifests.get(name)?.bytes ?? Buffer.alloc(0)),
      replace: (name, bytes) => {
        const isBlob = blobs.has(name) || removed.has(name);
        if (isBlob && bytes === undefined) removed.add(name);
        if (bytes === undefined) (isBlob ? blobs : manifests).delete(name);
        else if (isBlob) blobs.set(name, bytes);
        else manifests.set(name, { mediaType: mediaTypes.ociManifest, bytes });
        return Promise.resolve();
      },
    };
  },
};

export const s3Backend: Backend = {
  name: 's3',
  available: true,
  open: async (t) => {
    const server = await startS3();
    t.teardown(() => server.close());
    const { accessKeyId, secretAccessKey } = s3Credentials;
    const where = `type=s3,bucket=caches,prefix=team,endpoint_url=${server.endpoint},use_path_style=true`;
    const place = `${where},access_key_id=${accessKeyId},secret_access_key=${secretAccessKey}`;
    return {
      from: place,
      to: place,
      list: () => Promise.resolve([...server.objects.keys()]),
      read: (name) => Promise.resolve(server.objects.get(name) ?? Buffer.alloc(0)),
      replace: (name, bytes) => {
        if (bytes === undefined) server.objects.delete(name);
        else server.objects.set(name, bytes);
        return Promise.resolve();
      },
    };
  },
};

export const actionsBackend: Backend = {
  name: 'gha',
  available: true,
  open: async (t) => {
    const server = await startActionsCache();
    t.teardown(() => server.close());
    const place = `type=gha,scope=s${scopes++},url=${server.url},token=${actionsToken}`;
    return {
      from: place,
      to: place,
      list: () => Promise.resolve([...server.entries.keys()]),
      read: (name) => Promise.resolve(server.entries.get(name) ?? Buffer.alloc(0)),
      replace: (name, bytes) => {
        if (bytes === undefined) server.entries.delete(name);
        else server.entries.set(name, bytes);
        return Promise.resolve();
      },
    };
  },
};
let scopes = 0;

function filesBelow(folder: string): Pick<Place, 'list' | 'read' | 'replace'> {
  return {
    list: async () => {
      const names = await readdir(folder, { recursive: true }).catch(() => []);
      const files: string[] = [];
      for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
        // A temporary file may have got its name meanwhile.
        const status = await stat(join(folder, name)).catch(() => undefined);
        if (status?.isFile() === true && !name.endsWith('.lock')) files.push(name);
      }
      return files;
    },
    read: (name) => readFile(join(folder, name)),
    replace: (name, bytes) =>
      bytes === undefined ? rm(join(folder, name)) : writeFile(join(folder, name), bytes),
  };
}
