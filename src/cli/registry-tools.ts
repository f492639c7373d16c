import { resolve } from 'node:path';
import type { RegistriesConf } from '../registry/registries-conf.js';
import type {
  CertificateFiles,
  CertificateOptions,
  ProxyOptions,
  RegistryClient,
  RegistryRule,
} from '../registry/types.js';
import type { CliContext } from './context.js';
import type { RegistryRequest } from './registry-request.js';

/** A client for what the options, the environment and registries.conf say. Loaded when a registry is first needed. */
export async function registryClient(request: RegistryRequest, context: CliContext): Promise<RegistryClient> {
  const { createRegistryClient, createCredentialSource, readRegistriesConf } =
    await import('../registry/index.js');
  const { env, cwd } = context;
  const { credentials, authfile, retries, retryDelay } = request;
  const home = env['HOME'] || undefined;
  const file = env['CONTAINERS_REGISTRIES_CONF'] || undefined;
  const conf = await readRegistriesConf({ file, home });
  return createRegistryClient({
    credentials: createCredentialSource({
      env,
      home,
      ...(credentials === undefined ? {} : { credentials: { kind: 'basic', ...credentials } }),
      ...(authfile === undefined ? {} : { authFile: resolve(cwd, authfile) }),
    }),
    insecureRegistries: [...request.insecureRegistries, ...conf.insecure],
    rules: rulesOf(request, conf),
    certificates: certificatesOf(request, context),
    proxy: proxyOf(env),
    ...(retries === undefined && retryDelay === undefined
      ? {}
      : { retries: { attempts: retries ?? 5, delay: retryDelay ?? 1000 } }),
  });
}

/** Mirrors of the command line are asked before those of the file. */
function rulesOf({ mirrors, mirrorsOnly }: RegistryRequest, conf: RegistriesConf): readonly RegistryRule[] {
  const rules = new Map(conf.rules.map((rule) => [rule.prefix, rule]));
  for (const { registry, location } of mirrors.toReversed()) {
    const rule = rules.get(registry) ?? { prefix: registry };
    rules.set(registry, { ...rule, mirrorsOnly, mirrors: [{ location }, ...(rule.mirrors ?? [])] });
  }
  return [...rules.values()];
}

function certificatesOf(request: RegistryRequest, { env, cwd }: CliContext): CertificateOptions {
  const { authorities, clients, certificateFolder } = request;
  const filesOf = (wanted: string | undefined): CertificateFiles => {
    const client = clients.findLast(({ host }) => host === wanted);
    return {
      authorities: authorities.filter(({ host }) => host === wanted).map(({ file }) => resolve(cwd, file)),
      client: client && { certificate: resolve(cwd, client.certificate), key: resolve(cwd, client.key) },
    };
  };
  const hosts = [...authorities, ...clients].flatMap(({ host }) => (host === undefined ? [] : [host]));
  return {
    ...filesOf(undefined),
    hosts: new Map(hosts.map((host) => [host.replace(/:443$/, ''), filesOf(host)])),
    folder: certificateFolder === undefined ? undefined : resolve(cwd, certificateFolder),
    systemBundle: env['SSL_CERT_FILE'],
    extraBundle: env['NODE_EXTRA_CA_CERTS'],
  };
}

/** The proxies that the environment names. */
export function proxyOf(env: CliContext['env']): ProxyOptions {
  return {
    http: env['HTTP_PROXY'] ?? env['http_proxy'],
    https: env['HTTPS_PROXY'] ?? env['https_proxy'],
    no: env['NO_PROXY'] ?? env['no_proxy'],
  };
}
