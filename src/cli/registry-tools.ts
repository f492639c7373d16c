import type { RegistryClient } from '../registry/types.js';
import type { CliContext } from './context.js';
import type { RegistryRequest } from './registry-request.js';

/** A client for what the options and the environment say. Loaded when a registry is first needed. */
export async function registryClient(request: RegistryRequest, { env }: CliContext): Promise<RegistryClient> {
  const { createRegistryClient, createCredentialSource } = await import('../registry/index.js');
  const { credentials, authfile, insecureRegistries, authorities, retries, retryDelay } = request;
  return createRegistryClient({
    credentials: createCredentialSource({
      env,
      home: env['HOME'],
      ...(credentials === undefined ? {} : { credentials: { kind: 'basic', ...credentials } }),
      ...(authfile === undefined ? {} : { authFile: authfile }),
    }),
    insecureRegistries,
    certificates: {
      authorities,
      systemBundle: env['SSL_CERT_FILE'],
      extraBundle: env['NODE_EXTRA_CA_CERTS'],
    },
    proxy: {
      http: env['HTTP_PROXY'] ?? env['http_proxy'],
      https: env['HTTPS_PROXY'] ?? env['https_proxy'],
      no: env['NO_PROXY'] ?? env['no_proxy'],
    },
    ...(retries === undefined && retryDelay === undefined
      ? {}
      : { retries: { attempts: retries ?? 5, delay: retryDelay ?? 1000 } }),
  });
}
