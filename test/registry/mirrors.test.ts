import test, { type ExecutionContext } from 'ava';
import { parseReference } from '../../src/oci/reference.js';
import { pullManifest } from '../../src/registry/pull-manifest.js';
import { pushImage } from '../../src/registry/push-image.js';
import { faults, startFaultServer, type FaultServer, type Rule } from '../helpers/fault-server.js';
import { collect, quickClient, recordedJob, testImage } from '../helpers/registry-values.js';

const image = testImage();
const amd64 = { os: 'linux', architecture: 'amd64' };

async function filled(
  t: ExecutionContext,
  repository: string | undefined,
  rules: readonly Rule[] = [],
): Promise<FaultServer> {
  const server = await startFaultServer({ rules });
  t.teardown(() => server.close());
  if (repository === undefined) return server;
  server.registry.addManifest(repository, 'v1', {
    mediaType: image.descriptor.mediaType,
    bytes: image.bytes,
  });
  server.registry.addManifest(repository, image.descriptor.digest, {
    mediaType: image.descriptor.mediaType,
    bytes: image.bytes,
  });
  for (const blob of [...image.layers, ...(image.config === undefined ? [] : [image.config])])
    server.registry.addBlob(repository, await collect(blob.open()));
  return server;
}

interface Expected {
  readonly warnings: number;
  /** Whether the registry itself is asked. */
  readonly origin: boolean;
}

const pulls = test.macro({
  async exec(t, mirrorHas: string | undefined, rules: readonly Rule[], { warnings, origin }: Expected) {
    const [mirror, registry] = [await filled(t, mirrorHas, rules), await filled(t, 'a')];
    const client = quickClient({
      rules: [{ prefix: registry.host, mirrors: [{ location: `${mirror.host}/cache/` }] }],
      retries: { attempts: 0, delay: 1 },
    });
    t.teardown(() => client.close());
    const job = recordedJob();
    const reference = parseReference(`${registry.host}/a:v1`);
    t.deepEqual(await client.resolve(reference, job), { descriptor: image.descriptor });
    const pulled = await pullManifest(client, reference, amd64, job);
    for (const layer of pulled.manifest.layers)
      t.is((await collect(client.openBlob(reference, layer, job))).length, layer.size);
    t.is(job.warnings.length, warnings, job.warnings.join('\n'));
    t.is(registry.requests(undefined, /manifests|blobs/).length > 0, origin);
    t.true(mirror.seen.length > 0);
  },
  title: (name) => `a mirror that ${name}`,
});
test('has everything', pulls, 'cache/a', [], { warnings: 0, origin: false });
test('has nothing', pulls, undefined, [], { warnings: 0, origin: true });
test('lacks blobs', pulls, 'cache/a', [{ path: /blobs/, fault: faults.status(404, 'BLOB_UNKNOWN') }], {
  warnings: 0,
  origin: true,
});
test('fails', pulls, 'cache/a', [{ path: /manifests|blobs/, fault: faults.status(500) }], {
  warnings: 4,
  origin: true,
});
test('wants a password', pulls, 'cache/a', [{ path: /manifests|blobs/, fault: faults.status(401) }], {
  warnings: 4,
  origin: true,
});

test('nothing is pushed to a mirror', async (t) => {
  const [mirror, registry] = [await filled(t, undefined), await filled(t, undefined)];
  const client = quickClient({ rules: [{ prefix: registry.host, mirrors: [{ location: mirror.host }] }] });
  t.teardown(() => client.close());
  await pushImage(client, image, [parseReference(`${registry.host}/a:1`)], recordedJob(), 's');
  t.is(mirror.seen.length, 0);
});

test('the failure of the registry itself is the one that is told', async (t) => {
  const [mirror, registry] = [await filled(t, undefined), await filled(t, undefined)];
  const client = quickClient({ rules: [{ prefix: registry.host, mirrors: [{ location: mirror.host }] }] });
  t.teardown(() => client.close());
  const reference = parseReference(`${registry.host}/a:v1`);
  t.is(await client.resolve(reference, recordedJob()), undefined);
  const error = await t.throwsAsync(client.manifest(reference, recordedJob()));
  t.true(error?.message.includes(registry.host));
});
