/** TLS and proxies. */
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import type { Credentials, RegistryOptions } from '../../src/registry/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { startFaultServer } from '../helpers/fault-server.js';
import { failure } from '../helpers/memory-registry.js';
import { createCertificate, type Certificate, type CertificateOptions } from '../helpers/registry-server.js';
import { startForwardProxy } from '../helpers/forward-proxy.js';
import {
  collect,
  descriptorFor,
  fixedCredentials,
  memoryBlob,
  noise,
  quickClient,
  recordedJob,
} from '../helpers/registry-values.js';

const test = existsSync('/usr/bin/openssl') ? anyTest : anyTest.skip;
const bytes = noise(200_000);
const descriptor = descriptorFor(bytes);

async function certificates(
  t: ExecutionContext,
  options?: CertificateOptions,
): Promise<Certificate & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-tls-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return { folder, ...(await createCertificate(folder, options)) };
}

async function secureServer(t: ExecutionContext, files: Certificate, more: object = {}) {
  const tls = { key: await readFile(files.key), cert: await readFile(files.certificate), ...more };
  const server = await startFaultServer({ tls });
  t.teardown(() => server.close());
  server.registry.addBlob('a', bytes);
  return server;
}

function client(t: ExecutionContext, options: Partial<RegistryOptions>) {
  const made = quickClient({ retries: { attempts: 1, delay: 1 }, ...options });
  t.teardown(() => made.close());
  return made;
}

/** Whether the blob arrives as it is. */
async function pull(
  t: ExecutionContext,
  registry: string,
  options: Partial<RegistryOptions>,
): Promise<boolean> {
  return (
    await collect(client(t, options).openBlob({ registry, repository: 'a' }, descriptor, recordedJob()))
  ).equals(bytes);
}

test('an authority that is named is trusted', async (t) => {
  const files = await certificates(t);
  const { host } = await secureServer(t, files);
  t.true(await pull(t, host, { certificates: { authorities: [files.authority] } }));
});

test('an authority in certs.d is trusted for its host alone', async (t) => {
  const files = await certificates(t);
  const [one, two] = [await secureServer(t, files), await secureServer(t, files)];
  const folders = [join(files.folder, 'none'), join(files.folder, 'certs.d')];
  await mkdir(join(files.folder, 'certs.d', one.host), { recursive: true });
  await copyFile(files.authority, join(files.folder, 'certs.d', one.host, 'ca.crt'));
  t.true(await pull(t, one.host, { certificates: { folders } }));
  await t.throwsAsync(pull(t, two.host, { certificates: { folders } }), {
    code: 'registry',
    message: /authority/,
  });
});

test('bundles of SSL_CERT_FILE and NODE_EXTRA_CA_CERTS are trusted', async (t) => {
  const files = await certificates(t);
  const { host } = await secureServer(t, files);
  t.true(await pull(t, host, { certificates: { systemBundle: files.authority } }));
  t.true(await pull(t, host, { certificates: { extraBundle: files.authority } }));
});

test('a client certificate of certs.d or of the options is shown', async (t) => {
  const files = await certificates(t);
  const { host } = await secureServer(t, files, {
    requestCert: true,
    rejectUnauthorized: true,
    ca: await readFile(files.authority),
  });
  const authorities = [files.authority];
  await t.throwsAsync(pull(t, host, { certificates: { authorities } }), {
    instanceOf: TsbuildError,
    code: 'registry',
  });
  const client = { certificate: files.certificate, key: files.key };
  t.true(await pull(t, host, { certificates: { authorities, client } }));
  const folder = join(files.folder, 'certs.d', host);
  await mkdir(folder, { recursive: true });
  await copyFile(files.certificate, join(folder, 'client.cert'));
  await copyFile(files.key, join(folder, 'client.key'));
  t.true(await pull(t, host, { certificates: { authorities, folders: [join(files.folder, 'certs.d')] } }));
});

const refused = anyTest.macro({
  async exec(t, options: CertificateOptions, message: RegExp) {
    const files = await certificates(t, options);
    const { host, seen } = await secureServer(t, files);
    await t.throwsAsync(pull(t, host, { certificates: { authorities: [files.authority] } }), {
      instanceOf: TsbuildError,
      code: 'registry',
      message,
    });
    const said = seen.map(({ method, path, headers }) => [method, path, headers.authorization]);
    t.deepEqual(said, [['GET', '/v2/', undefined]], 'it was asked whether it speaks TLS, and nothing more');
    t.true(await pull(t, host, { insecureRegistries: [host] }));
    t.true(await pull(t, host, { insecureRegistries: ['127.0.0.0/8'] }));
    t.true(await pull(t, host, { insecureRegistries: ['*'] }));
    await t.throwsAsync(pull(t, host, { insecureRegistries: ['127.0.0.1:1', 'reg.com', '10.0.0.0/8'] }), {
      instanceOf: TsbuildError,
    });
  },
  title: (name) => `a certificate that ${name} is refused, unless the registry is insecure`,
});
test('is for another host', refused, { names: ['DNS:registry.test'] }, /another host name/);
test('has expired', refused, { days: -1 }, /expired/);

test('files that are no certificates are said to be wrong', async (t) => {
  const files = await certificates(t);
  const { host } = await secureServer(t, files);
  await t.throwsAsync(
    pull(t, host, { certificates: { client: { certificate: files.key, key: files.key } } }),
    { instanceOf: TsbuildError, message: /cannot be used/ },
  );
  await t.throwsAsync(pull(t, host, { certificates: { authorities: ['/nonexistent'] } }), {
    instanceOf: TsbuildError,
    message: /ENOENT/,
  });
});

test('https goes through a proxy by CONNECT, with its password and not ours', async (t) => {
  const files = await certificates(t, { names: ['DNS:registry.test'] });
  const server = await secureServer(t, files);
  const proxy = await startForwardProxy({ port: server.port });
  t.teardown(() => proxy.close());
  const options = {
    certificates: { authorities: [files.authority] },
    proxy: { https: `http://pu:p%40w@${proxy.host}` },
  };
  const made = client(t, options);
  const where = { registry: 'registry.test', repository: 'a' };
  t.true((await collect(made.openBlob(where, descriptor, recordedJob()))).equals(bytes));
  t.is(await made.pushBlob(where, memoryBlob(noise(300_000, 2)), recordedJob(), 's'), 'uploaded');
  t.deepEqual([...new Set(proxy.asked.map(({ what }) => what))], ['CONNECT registry.test:443']);
  t.is(proxy.asked[0]?.authorization, `Basic ${Buffer.from('pu:p@w').toString('base64')}`);
  t.true(
    server.seen.every(
      ({ headers }) => headers['proxy-authorization'] === undefined && headers.host === 'registry.test',
    ),
  );
});

test('certificates are checked behind a proxy too', async (t) => {
  const files = await certificates(t, { names: ['DNS:registry.test'] });
  const server = await secureServer(t, files);
  const proxy = await startForwardProxy({ port: server.port });
  t.teardown(() => proxy.close());
  const https = `http://${proxy.host}`;
  await t.throwsAsync(pull(t, 'registry.test', { proxy: { https } }), { message: /authority/ });
  await t.throwsAsync(
    pull(t, 'other.test', { proxy: { https }, certificates: { authorities: [files.authority] } }),
    { message: /another host name/ },
  );
});

test('plain http goes to a proxy by whole URLs', async (t) => {
  const server = await startFaultServer({
    before: ({ headers, url }) =>
      headers.authorization === undefined && url.pathname !== '/v2/'
        ? { ...failure(401, 'X'), headers: { 'WWW-Authenticate': 'Basic realm=x' } }
        : undefined,
  });
  t.teardown(() => server.close());
  server.registry.addBlob('a', bytes);
  const proxy = await startForwardProxy({ port: server.port });
  t.teardown(() => proxy.close());
  const user: Credentials = { kind: 'basic', username: 'u', password: 'p' };
  const options = {
    credentials: fixedCredentials(user),
    insecureRegistries: ['registry.test:5000'],
    proxy: { https: `http://${proxy.host}`, http: `http://pu:pw@${proxy.host}` },
  };
  t.true(await pull(t, 'registry.test:5000', options));
  const [connect, ...rest] = proxy.asked;
  t.is(connect?.what, 'CONNECT registry.test:5000');
  t.deepEqual(
    [...new Set(rest.map(({ what }) => what))],
    [`GET http://registry.test:5000/v2/a/blobs/${descriptor.digest}`],
  );
  t.is(rest[0]?.headers.host, 'registry.test:5000');
  t.is(rest[0]?.authorization, `Basic ${Buffer.from('pu:pw').toString('base64')}`);
});

for (const [status, attempts] of [
  [407, 1],
  [403, 1],
  [502, 2],
] as const) {
  test(`a proxy that answers ${status}`, async (t) => {
    const proxy = await startForwardProxy({ port: 1, status });
    t.teardown(() => proxy.close());
    const https = `http://pu:proxy-secret@${proxy.host}`;
    const error = await t.throwsAsync(pull(t, 'registry.test', { proxy: { https } }), {
      instanceOf: TsbuildError,
      message: new RegExp(`proxy answered ${status}`),
    });
    t.false(`${error?.message} ${error?.hint}`.includes('proxy-secret'));
    t.is(proxy.asked.length, attempts);
  });
}

anyTest('a registry that is not there is said to be refused', async (t) => {
  const server = await startFaultServer();
  await server.close();
  const error = await t.throwsAsync(pull(t, server.host, {}), {
    instanceOf: TsbuildError,
    code: 'registry',
    message: /connection was refused/,
  });
  t.truthy(error?.hint);
});
