import type { Job } from '../progress/event.js';
import { keepCredentials, type SignInScope } from '../registry/keep-credentials.js';
import { TsbuildError } from '../util/errors.js';
import { ask, readSecret } from './ask-secret.js';
import type { CliContext } from './context.js';
import type { OptionValues } from './option-table.js';
import { registryClient } from './registry-tools.js';
import { registryRequest, type registryOptions } from './registry-request.js';
import { credentialsFile, signInScope } from './sign-in-target.js';

type Options = OptionValues<Omit<typeof registryOptions, 'creds'>> & {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly 'password-stdin': boolean;
};

/** Signs in, and keeps the password when the registry takes it. Resolves to the exit code. */
export async function runLogin(
  registry: string | undefined,
  options: Options,
  context: CliContext,
): Promise<number> {
  const scope = signInScope(registry);
  const { stdout, stderr, signal, env } = context;
  const file = credentialsFile(options.authfile, context);
  const credentials = await askedCredentials(options, context);
  const request = registryRequest({ ...options, authfile: undefined, creds: undefined });
  const client = await registryClient({ ...request, credentials }, context);
  const job: Job = {
    signal,
    emit: (event) => event.kind === 'warning' && stderr.write(`warning: ${event.message}\n`),
  };
  try {
    await client.signIn(scope.registry, job);
  } finally {
    client.close();
  }
  const helper = await keepCredentials(scope, credentials, { file, env });
  const place = helper === undefined ? file : `the credential helper ${helper}`;
  stdout.write(`Signed in to ${nameOf(scope)} as ${credentials.username}; the password is in ${place}\n`);
  return 0;
}

async function askedCredentials(
  options: Options,
  context: CliContext,
): Promise<{ username: string; password: string }> {
  if (options['password-stdin'] && options.password !== undefined)
    throw new TsbuildError('usage', '--password and --password-stdin exclude each other');
  const username =
    options.username ?? (options['password-stdin'] ? undefined : await ask('User name: ', context));
  if (username === undefined || username === '')
    throw new TsbuildError('usage', 'there is no user name', { hint: 'give it with --username' });
  if (username.includes(':')) throw new TsbuildError('usage', 'a user name has no colon');
  if (options['password-stdin']) return { username, password: await readSecret(context) };
  const password = options.password ?? (await ask('Password: ', context, { hidden: true }));
  if (password !== undefined && password !== '') return { username, password };
  throw new TsbuildError('usage', 'there is no password', {
    hint: 'give it on standard input: echo "$TOKEN" | tsbuild login -u NAME --password-stdin REGISTRY',
  });
}

function nameOf({ registry, path }: SignInScope): string {
  return path === '' ? registry : `${registry}/${path}`;
}
