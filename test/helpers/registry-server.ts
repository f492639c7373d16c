/** Debian's docker-registry (distribution) on a loopback port, for tests against a registry that is not ours. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = '/usr/bin/docker-registry';

/** Whether real registries can be started here: `(registryAvailable ? test : test.skip)(…)`. */
export const registryAvailable =
  existsSync(program) && existsSync('/usr/bin/htpasswd') && existsSync('/usr/bin/openssl');

export interface RegistryServerOptions {
  /** Sign-in by Basic. */
  readonly htpasswd?: { readonly username: string; readonly password: string };
  /** Sign-in by a token server; see startTokenServer. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certificate: string;
  };
  readonly tls?: Certificate;
  /** Further lines of the configuration. */
  readonly extra?: string;
}

export interface RegistryServer {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Folder of the registry's storage. */
  readonly storage: string;
  /** Requests that were answered since the last call: `GET /v2/name/blobs/sha256:… 200 1234`. */
  requests(): readonly string[];
  close(): Promise<void>;
}

/** Files of a private authority and of a certificate that it issued. */
export interface Certificate {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Starts a registry; resolves when it listens. */
export async function startRegistry(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-registry-'));
  const storage = join(folder, 'storage');
  const config = join(folder, 'config.yml');
  await writeFile(config, await configuration(folder, storage, options));
  const child = spawn(program, ['serve', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  const seen = accessLog(child);
  const port = await listeningPort(child);
  return {
    host: `127.0.0.1:${port}`,
    storage,
    requests: () => seen.splice(0),
    close: async () => {
      await stop(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface CertificateOptions {
  /** As openssl writes them: `DNS:name`, `IP:address`. */
  readonly names?: readonly string[];
  /** Days from now on; negative: it has expired. */
  readonly days?: number;
}

/** Makes a private authority and a certificate that it issued, with openssl. */
export async function createCertificate(
  folder: string,
  { names = ['DNS:localhost', 'IP:127.0.0.1'], days = 2 }: CertificateOptions = {},
): Promise<Certificate> {
  const [authority, authorityKey] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  const [certificate, key, request] = [
    join(folder, 'server.crt'),
    join(folder, 'server.key'),
    join(folder, 'server.csr'),
  ];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl([
    'req',
    '-x509',
    ...ec,
    '-keyout',
    authorityKey,
    '-out',
    authority,
    '-days',
    '2',
    '-subj',
    '/CN=tsbuild test authority',
  ]);
  openssl(['req', ...ec, '-keyout', key, '-out', request, '-subj', '/CN=localhost']);
  const extensions = join(folder, 'server.ext');
  await writeFile(extensions, `subjectAltName=${names.join(',')}\n`);
  const signing = [
    '-CA',
    authority,
    '-CAkey',
    authorityKey,
    '-CAcreateserial',
    '-days',
    String(days),
    '-extfile',
    extensions,
  ];
  openssl(['x509', '-req', '-in', request, '-out', certificate, ...signing]);
  return { authority, certificate, key };
}

function openssl(argv: readonly string[]): void {
  execFileSync('openssl', argv, { stdio: 'ignore' });
}

async function configuration(
  folder: string,
  storage: string,
  options: RegistryServerOptions,
): Promise<string> {
  const { htpasswd, token, tls, extra } = options;
  const lines = [
    'version: 0.1',
    'log: { level: info }',
    `storage: { filesystem: { rootdirectory: ${storage} }, delete: { enabled: true } }`,
    `http: { addr: "127.0.0.1:0", secret: s${tls === undefined ? '' : `, tls: { certificate: ${tls.certificate}, key: ${tls.key} }`} }`,
  ];
  if (htpasswd !== undefined) {
    const file = join(folder, 'htpasswd');
    await writeFile(file, execFileSync('htpasswd', ['-Bbn', htpasswd.username, htpasswd.password]));
    lines.push(`auth: { htpasswd: { realm: tests, path: ${file} } }`);
  }
  if (token !== undefined) {
    const { realm, service, issuer, certificate } = token;
    lines.push(
      `auth: { token: { realm: "${realm}", service: ${service}, issuer: ${issuer}, rootcertbundle: ${certificate} } }`,
    );
  }
  return `${[...lines, ...(extra === undefined ? [] : [extra])].join('\n')}\n`;
}

async function listeningPort(child: ChildProcess): Promise<number> {
  const log: string[] = [];
  if (child.stderr === null) throw new Error('no pipe');
  const lines = createInterface({ input: child.stderr });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      log.push(line);
      const match = /listening on 127\.0\.0\.1:(\d+)/.exec(line);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', () => reject(new Error(`docker-registry ended:\n${log.join('\n')}`)));
  });
}

/** Apache's combined format. */
function accessLog(child: ChildProcess): string[] {
  const seen: string[] = [];
  if (child.stdout === null) throw new Error('no pipe');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, method, path, status, size] = /"(\S+) (\S+) HTTP[^"]*" (\d+) (\d+)/.exec(line) ?? [];
    if (method !== undefined) seen.push([method, path, status, size].join(' '));
  });
  return seen;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
