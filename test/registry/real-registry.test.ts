/** The client against Debian's docker-registry, cross-checked with skopeo. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { parseReference } from '../../src/oci/reference.js';
import { digestOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { createCredentialSource } from '../../src/registry/credentials.js';
import { pullManifest } from '../../src/registry/pull-manifest.js';
import { pushImage } from '../../src/registry/push-image.js';
import type { RegistryClient } from '../../src/registry/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import {
  createCertificate,
  registryAvailable,
  startRegistry,
  type RegistryServerOptions,
} from '../helpers/registry-server.js';
import { startCuttingProxy } from '../helpers/cutting-proxy.js';
import {
  collect,
  fixedCredentials,
  memoryBlob,
  noise,
  quickClient,
  recordedJob,
  testImage,
  testIndex,
} from '../helpers/registry-values.js';
import { startTokenServer } from '../helpers/token-server.js';

const run = promisify(execFile);
const test = anyTest as TestFn;
const it = registryAvailable ? test : test.skip;
const skopeoIt = registryAvailable && existsSync('/usr/bin/skopeo') ? test : test.skip;
const amd64 = { os: 'linux', architecture: 'amd64' };

async function temporary(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function started(t: ExecutionContext, options?: RegistryServerOptions): Promise<string> {
  const server = await startRegistry(options);
  t.teardown(() => server.close());
  return server.host;
}

function client(t: ExecutionContext, options: Parameters<typeof quickClient>[0] = {}): RegistryClient {
  const made = quickClient(options);
  t.teardown(() => made.close());
  return made;
}

it('an image is pushed, resolved and pulled again byte for byte', async (t) => {
  const host = await started(t);
  const registry = client(t);
  const job = recordedJob();
  const layers = [noise(300_000, 2), noise(5, 3), Buffer.alloc(0)];
  const image = testImage({ layers });
  const reference = parseReference(`${host}/group/app:v1`);
  t.is(await registry.resolve(reference, job), undefined);
  const pushed = await pushImage(
    registry,
    image,
    [reference, parseReference(`${host}/group/app:v2`)],
    job,
    'push',
  );
  t.deepEqual(pushed, image.descriptor);
  t.deepEqual(await registry.resolve(reference, job), { descriptor: image.descriptor });
  const pulled = await pullManifest(registry, reference, amd64, job);
  t.deepEqual(pulled.manifestBytes, Buffer.from(image.bytes));
  for (const [i, bytes] of layers.entries()) {
    const descriptor = pulled.manifest.layers[i];
    if (descriptor === undefined) throw new Error('a layer is missing');
    t.deepEqual(await collect(registry.openBlob(reference, descriptor, job)), bytes);
    t.deepEqual(
      await collect(registry.openBlob(reference, descriptor, job, descriptor.size >> 1)),
      bytes.subarray(descriptor.size >> 1),
    );
  }
  t.deepEqual((await registry.listTags(reference, job)).sort(), ['v1', 'v2']);
  t.deepEqual(job.warnings, []);
});

it('a second push sends nothing; another repository mounts', async (t) => {
  const host = await started(t);
  const registry = client(t);
  const job = recordedJob();
  const blob = memoryBlob(noise(100_000));
  const where = { registry: host, repository: 'a' };
  t.is(await registry.pushBlob(where, blob, job, 's'), 'uploaded');
  t.is(await registry.pushBlob(where, blob, job, 's'), 'exists');
  t.is(
    await registry.pushBlob(
      { ...where, repository: 'b' },
      { ...blob, mountFrom: ['missing', 'a'] },
      job,
      's',
    ),
    'mounted',
  );
  t.is(
    await registry.pushBlob({ ...where, repository: 'c' }, { ...blob, mountFrom: ['missing'] }, job, 's'),
    'uploaded',
  );
  t.deepEqual(blob.offsets, [0, 0]);
  t.true(await registry.blobExists({ ...where, repository: 'b' }, blob.descriptor.digest));
  t.false(await registry.blobExists({ ...where, repository: 'b' }, digestOf('other')));
});

it('concurrent pushes of one blob share a transfer', async (t) => {
  const registry = client(t);
  const where = { registry: await started(t), repository: 'a' };
  const blob = memoryBlob(noise(500_000));
  const outcomes = await Promise.all([1, 2, 3].map(() => registry.pushBlob(where, blob, recordedJob(), 's')));
  t.deepEqual(outcomes, ['uploaded', 'uploaded', 'uploaded']);
  t.deepEqual(blob.offsets, [0]);
});

it('an index is pushed after its manifests; the platform is chosen from it', async (t) => {
  const registry = client(t);
  const host = await started(t);
  const job = recordedJob();
  const [amd, arm] = [
    testImage({ layers: [noise(10, 1)] }),
    testImage({ architecture: 'arm64', layers: [noise(10, 2)] }),
  ];
  const index = testIndex([
    { architecture: 'amd64', image: amd },
    { architecture: 'arm64', variant: 'v8', image: arm },
  ]);
  const reference = parseReference(`${host}/multi:1`);
  await pushImage(registry, index, [reference], job, 's');
  const pulled = await pullManifest(registry, reference, { os: 'linux', architecture: 'arm64' }, job);
  t.is(pulled.descriptor.digest, arm.descriptor.digest);
  t.is(pulled.root.digest, index.descriptor.digest);
  const error = await t.throwsAsync(
    pullManifest(registry, reference, { os: 'linux', architecture: 's390x' }, job),
    { instanceOf: TsbuildError },
  );
  t.regex(error?.hint ?? '', /linux\/amd64, linux\/arm64\/v8/);
});

it('docker schema 2 images are pushed and pulled', async (t) => {
  const registry = client(t);
  const job = recordedJob();
  const image = testImage({ docker: true });
  const reference = parseReference(`${await started(t)}/docker:1`);
  await pushImage(registry, image, [reference], job, 's');
  t.is((await pullManifest(registry, reference, amd64, job)).descriptor.mediaType, mediaTypes.dockerManifest);
});

it('a push of a manifest whose blobs are missing fails with the code of the registry', async (t) => {
  const registry = client(t);
  const where = { registry: await started(t), repository: 'a' };
  const image = testImage();
  const error = await t.throwsAsync(
    registry.putManifest(where, 'v1', image.descriptor.mediaType, image.bytes, recordedJob()),
    { instanceOf: TsbuildError, code: 'registry' },
  );
  t.regex(error?.message ?? '', /MANIFEST_BLOB_UNKNOWN/);
});

it('a password is asked for, refused and accepted (Basic)', async (t) => {
  const host = await started(t, { htpasswd: { username: 'u', password: 'p:ä' } });
  const where = { registry: host, repository: 'a' };
  const job = recordedJob();
  const none = await t.throwsAsync(client(t).checkPush(where, job), {
    instanceOf: TsbuildError,
    code: 'auth',
  });
  t.regex(none?.hint ?? '', /tsbuild login 127/);
  const wrong = client(t, {
    credentials: fixedCredentials({ kind: 'basic', username: 'u', password: 'secret-x' }),
  });
  const refused = await t.throwsAsync(wrong.checkPush(where, job), {
    instanceOf: TsbuildError,
    code: 'auth',
  });
  t.notRegex(`${refused?.message} ${refused?.hint}`, /secret-x/);
  const right = client(t, {
    credentials: fixedCredentials({ kind: 'basic', username: 'u', password: 'p:ä' }),
  });
  await right.checkPush(where, job);
  await pushImage(right, testImage(), [parseReference(`${host}/a:1`)], job, 's');
  t.deepEqual(await right.listTags(where, job), ['1']);
});

it('tokens: rights of a push and of a mount are asked for together, and kept', async (t) => {
  const certificate = await createCertificate(await temporary(t));
  const tokens = await startTokenServer({ certificate, password: { username: 'u', password: 'p' } });
  t.teardown(() => tokens.close());
  const host = await started(t, { token: { ...tokens, certificate: certificate.authority } });
  const job = recordedJob();
  const registry = client(t, {
    credentials: fixedCredentials({ kind: 'basic', username: 'u', password: 'p' }),
  });
  await pushImage(registry, testImage(), [parseReference(`${host}/a:1`)], job, 's');
  t.true(tokens.requests.every(({ authorized }) => authorized));
  t.true(tokens.requests.some(({ scopes }) => scopes.includes('repository:a:pull,push')));
  const count = tokens.requests.length;
  await pushImage(registry, testImage(), [parseReference(`${host}/a:2`)], job, 's');
  t.is(tokens.requests.length, count, 'tokens are reused');
  const blob = memoryBlob(noise(1000));
  t.is(
    await registry.pushBlob({ registry: host, repository: 'b' }, { ...blob, mountFrom: ['a'] }, job, 's'),
    'mounted',
  );
  t.deepEqual(tokens.requests.at(-1)?.scopes, ['repository:a:pull', 'repository:b:pull,push']);
});

it('tokens: anonymous, by identity token, and refused', async (t) => {
  const certificate = await createCertificate(await temporary(t));
  const tokens = await startTokenServer({
    certificate,
    refreshToken: 'refresh-me',
    password: { username: 'u', password: 'p' },
  });
  t.teardown(() => tokens.close());
  const host = await started(t, { token: { ...tokens, certificate: certificate.authority } });
  const where = { registry: host, repository: 'a' };
  await t.throwsAsync(client(t).checkPush(where, recordedJob()), { code: 'auth' });
  await client(t, { credentials: fixedCredentials({ kind: 'identity', token: 'refresh-me' }) }).checkPush(
    where,
    recordedJob(),
  );
  t.is(tokens.requests.at(-1)?.method, 'POST');
  await t.throwsAsync(
    client(t, { credentials: fixedCredentials({ kind: 'identity', token: 'other' }) }).checkPush(
      where,
      recordedJob(),
    ),
    { code: 'auth' },
  );
});

it('tokens that live for a second are renewed during a push', async (t) => {
  const certificate = await createCertificate(await temporary(t));
  const tokens = await startTokenServer({ certificate, lifetime: 1 });
  t.teardown(() => tokens.close());
  const host = await started(t, { token: { ...tokens, certificate: certificate.authority } });
  const registry = client(t);
  for (let i = 0; i < 5; i++)
    await pushImage(
      registry,
      testImage({ layers: [noise(1000, i + 1)] }),
      [parseReference(`${host}/a:${i}`)],
      recordedJob(),
      's',
    );
  t.is((await registry.listTags({ registry: host, repository: 'a' }, recordedJob())).length, 5);
});

it('TLS: an unknown authority is refused, a named one trusted, an insecure registry not checked', async (t) => {
  const tls = await createCertificate(await temporary(t));
  const host = await started(t, { tls });
  const where = { registry: host, repository: 'a' };
  const error = await t.throwsAsync(client(t).listTags(where, recordedJob()), {
    instanceOf: TsbuildError,
    code: 'registry',
  });
  t.regex(error?.hint ?? '', /registry-ca/);
  t.deepEqual(
    await client(t, { certificates: { authorities: [tls.authority] } }).listTags(where, recordedJob()),
    [],
  );
  t.deepEqual(await client(t, { insecureRegistries: [host] }).listTags(where, recordedJob()), []);
});

it('a push through a connection that is reset arrives (distribution 2 forgets an upload that was cut)', async (t) => {
  const host = await started(t);
  const proxy = await startCuttingProxy(host, { sending: [3_000_000, 1_500_000, 1_500_000] });
  t.teardown(() => proxy.close());
  const registry = client(t, { chunkSize: 1_000_000 });
  const job = recordedJob();
  const bytes = noise(8_000_000);
  const blob = memoryBlob(bytes);
  t.is(await registry.pushBlob({ registry: proxy.host, repository: 'a' }, blob, job, 's'), 'uploaded');
  t.is(job.warnings.length, 3, job.warnings.join('\n'));
  t.true(
    (await collect(client(t).openBlob({ registry: host, repository: 'a' }, blob.descriptor, job))).equals(
      bytes,
    ),
  );
});

it('a pull through a connection that is reset goes on by range', async (t) => {
  const host = await started(t);
  const proxy = await startCuttingProxy(host, { receiving: [1_000_000, 2_000_000, 100_000] });
  t.teardown(() => proxy.close());
  const bytes = noise(8_000_000);
  const blob = memoryBlob(bytes);
  const job = recordedJob();
  await client(t).pushBlob({ registry: host, repository: 'a' }, blob, job, 's');
  const pulled = await collect(
    client(t).openBlob({ registry: proxy.host, repository: 'a' }, blob.descriptor, job),
  );
  t.true(pulled.equals(bytes));
  t.is(job.warnings.length, 3);
});

skopeoIt('skopeo reads what was pushed and pushes what is read', async (t) => {
  const folder = await temporary(t);
  const host = await started(t);
  const registry = client(t);
  const job = recordedJob();
  const image = testImage({ layers: [noise(2000, 7)] });
  await pushImage(registry, image, [parseReference(`${host}/a:1`)], job, 's');
  await run('skopeo', [
    'copy',
    '--quiet',
    '--src-tls-verify=false',
    '--preserve-digests',
    `docker://${host}/a:1`,
    `oci:${folder}/layout:1`,
  ]);
  const blobs = await readdir(join(folder, 'layout/blobs/sha256'));
  t.true(blobs.includes(image.descriptor.digest.slice(7)));
  await run('skopeo', [
    'copy',
    '--quiet',
    '--dest-tls-verify=false',
    '--preserve-digests',
    `oci:${folder}/layout:1`,
    `docker://${host}/b:1`,
  ]);
  const pulled = await pullManifest(registry, parseReference(`${host}/b:1`), amd64, job);
  t.is(pulled.descriptor.digest, image.descriptor.digest);
  t.deepEqual(
    await readFile(join(folder, 'layout/blobs/sha256', image.descriptor.digest.slice(7))),
    pulled.manifestBytes,
  );
});

skopeoIt('credentials written by skopeo login are used', async (t) => {
  const folder = await temporary(t);
  const host = await started(t, { htpasswd: { username: 'u', password: 'pass word' } });
  const authFile = join(folder, 'auth.json');
  await run('skopeo', [
    'login',
    '--tls-verify=false',
    '--authfile',
    authFile,
    '-u',
    'u',
    '-p',
    'pass word',
    host,
  ]);
  const registry = client(t, {
    credentials: createCredentialSource({ env: { REGISTRY_AUTH_FILE: authFile }, home: undefined }),
  });
  await registry.checkPush({ registry: host, repository: 'a' }, recordedJob());
  t.pass();
});
