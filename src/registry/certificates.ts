/** TLS identity and trust for one registry host. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { CertificateOptions } from './types.js';
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
 * Trust for `host[:port]`: Node's authorities, the system's bundle, and what options and certs.d add; and the client
 * certificate, if there is one. Throws `registry` for a file that is wrong or that was named and cannot be read.
 */
export async function secureContextFor(
  host: string,
  options: CertificateOptions = {},
): Promise<SecureContext> {
  const found = await Promise.all(
    (options.folders ?? defaultFolders).map((folder) => readHostFolder(join(folder, host))),
  );
  const bundles = await Promise.all([
    firstReadable(options.systemBundle === undefined ? systemBundles : [options.systemBundle]),
    firstReadable(options.extraBundle === undefined ? [] : [options.extraBundle]),
    ...(options.authorities ?? []).map((file) => readNamed(file)),
  ]);
  const identity = await clientIdentity(options, found.map(({ identities }) => identities).flat());
  const ca = [...bundles, ...found.map(({ authorities }) => authorities).flat()].filter(
    (pem) => pem !== undefined,
  );
  try {
    return createSecureContext({
      ca: [...rootCertificates, ...ca],
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
    });
  } catch (error) {
    throw new TsbuildError('registry', `a certificate or key for ${JSON.stringify(host)} cannot be used`, {
      hint: 'certificates and keys must be unencrypted PEM files that belong together',
      cause: error,
    });
  }
}

async function clientIdentity(
  { client }: CertificateOptions,
  found: readonly Identity[],
): Promise<Identity | undefined> {
  if (client === undefined) return found[0];
  return { certificate: await readNamed(client.certificate), key: await readNamed(client.key) };
}

/** docker's certs.d: `*.crt` are authorities, `x.cert` with `x.key` a client certificate. */
async function readHostFolder(folder: string): Promise<{ authorities: Buffer[]; identities: Identity[] }> {
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
    throw new TsbuildError(
      'registry',
      `cannot read ${JSON.stringify(file)}: ${errnoCode(error) ?? 'unknown error'}`,
      { cause: error },
    );
  }
}
