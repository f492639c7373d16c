import { resolve } from 'node:path';
import type { TemporaryFiles } from '../build/temporary-files.js';
import type { Job } from '../progress/event.js';
import type { Remotes } from '../remote/remotes.js';
import type { Store } from '../store/store.js';
import type { CliContext } from './context.js';
import { proxyOf } from './registry-tools.js';
import type { RegistryRequest } from './registry-request.js';

export interface RemoteTools {
  readonly store: Store;
  readonly job: Job;
  readonly temporary: TemporaryFiles;
  /** Secrets of the build by id: some sign in at servers. */
  readonly secrets?: ReadonlyMap<string, Uint8Array> | undefined;
}

/** Where a build's remote files come from, for what the options and the environment say. Loaded when first needed. */
export async function remoteSources(
  { authorities, retries, retryDelay }: RegistryRequest,
  { env, cwd }: CliContext,
  { store, job, temporary, secrets = new Map() }: RemoteTools,
): Promise<Remotes> {
  const [{ Remotes: Sources }, { gitAuthorization, httpAuthorization }] = await Promise.all([
    import('../remote/remotes.js'),
    import('../remote/source-secrets.js'),
  ]);
  const proxy = proxyOf(env);
  return new Sources({
    http: {
      store,
      job,
      proxy,
      authorize: httpAuthorization(secrets),
      certificates: {
        authorities: authorities.flatMap(({ host, file }) =>
          host === undefined ? [resolve(cwd, file)] : [],
        ),
        systemBundle: env['SSL_CERT_FILE'],
        extraBundle: env['NODE_EXTRA_CA_CERTS'],
      },
      retries: { attempts: retries ?? 5, delay: retryDelay ?? 1000 },
    },
    git: {
      job,
      authorize: gitAuthorization(secrets),
      folder: () => temporary.folder(),
      environment: { path: env['PATH'], sshAgent: env['SSH_AUTH_SOCK'], proxy },
    },
  });
}
