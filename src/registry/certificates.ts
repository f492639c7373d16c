/** TLS identity and trust for one registry host. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { CertificateFiles, CertificateOptions } from './types.js';
import { errnoCode, TsbuildError } from '../util/errors.js';

const defaultFolders = ['/etc/docker/certs.d', '/etc/containers/certs.d'];
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Alpine, Arch
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem',
];

interface Identity {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/**
 * Trust for `host[:port]`: what options and certs.d name, and the system's bundle, or Node's authorities where there is
 * none or SSL_CERT_FILE adds to them; and the client certificate, if there is one. Without `verified` no certificate
 * will be checked, and no authority is read. Throws `registry` for a file that is wrong or that was named and cannot be
 * read.
 */
export async function secureContextFor(
  host: string,
  options: CertificateOptions = {},
  verified = true,
): Promise<SecureContext> {
  const own = options.hosts?.get(host) ?? {};
  const found = await foldersFor(host, options);
  const named = await clientIdentity(own.client ?? options.client);
  const identity = named ?? found.flatMap(({ identities }) => identities)[0];
  const ca = verified
    ? [...(await authorities(own, options)), ...found.flatMap((folder) => folder.authorities)]
    : [];
  try {
    return createSecureContext({
      ca,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
    });
  } catch (error) {
    throw new TsbuildError('registry', `a certificate or key for ${JSON.stringify(host)} cannot be used`, {
      hint: 'certificates and keys must be unencrypted PEM files that belong together',
      cause: error,
    });
  }
}

/** Reading Node's authorities besides a system's bundle, which has the same, would cost every process 25 ms. */
async function authorities(
  own: CertificateFiles,
  options: CertificateOptions,
): Promise<readonly (Buffer | string)[]> {
  const { systemBundle, extraBundle } = options;
  const [system, extra, ...named] = await Promise.all([
    firstReadable(systemBundle === undefined ? systemBundles : [systemBundle]),
    firstReadable(extraBundle === undefined ? [] : [extraBundle]),
    ...[...(own.authorities ?? []), ...(options.authorities ?? [])].map((file) => readNamed(file)),
  ]);
  const ofNode = system === undefined || systemBundle !== undefined ? rootCertificates : [];
  return [...ofNode, ...[system, extra, ...named].filter((pem) => pem !== undefined)];
}

interface FolderContent {
  readonly authorities: readonly Buffer[];
  readonly identities: readonly Identity[];
}

/** What the folder for all registries and the host's own ones have. */
async function foldersFor(host: string, { folder, folders }: CertificateOptions): Promise<FolderContent[]> {
  const own = (folders ?? defaultFolders).map((parent) => readHostFolder(join(parent, host)));
  return Promise.all([...(folder === undefined ? [] : [readNamedFolder(folder)]), ...own]);
}

async function readNamedFolder(folder: string): Promise<FolderContent> {
  await readdir(folder).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  return readHostFolder(folder);
}

async function clientIdentity(client: CertificateFiles['client']): Promise<Identity | undefined> {
  if (client === undefined) return undefined;
  return { certificate: await readNamed(client.certificate), key: await readNamed(client.key) };
}

/** docker's certs.d: `*.crt` are authorities, `x.cert` with `x.key` a client certificate. */
async function readHostFolder(folder: string): Promise<FolderContent> {
  const names = (await readdir(folder).catch(() => [])).sort((a, b) => (a < b ? -1 : 1));
  const authorities = await Promise.all(
    names.filter((name) => name.endsWith('.crt')).map((name) => readNamed(join(folder, name))),
  );
  const pairs = names.filter(
    (name) => name.endsWith('.cert') && names.includes(name.replace(/\.cert$/, '.key')),
  );
  const identities = await Promise.all(
    pairs.map(async (name) => ({
      certificate: await readNamed(join(folder, name)),
      key: await readNamed(join(folder, name.replace(/\.cert$/, '.key'))),
    })),
  );
  return { authorities, identities };
}

async function firstReadable(files: readonly string[]): Promise<Buffer | undefined> {
  for (const file of files) {
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

async function readNamed(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(path: string, cause: unknown): TsbuildError {
  const reason = errnoCode(cause) ?? 'unknown error';
  return new TsbuildError('registry', `cannot read ${JSON.stringify(path)}: ${reason}`, { cause });
}
