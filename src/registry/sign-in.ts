import type { Job } from '../progress/event.js';
import { discardBody } from './exchange.js';
import { RegistryFailure } from './failure.js';
import type { Sender } from './sender.js';

/** See RegistryClient.signIn. The API's root answers 200 to those who may use it (distribution-spec, "Determining Support"). */
export async function signIn(sender: Sender, registry: string, job: Job): Promise<void> {
  const what = `cannot sign in to ${registry}`;
  const { home } = await sender.referrals(registry, job);
  const target = new URL('/v2/', home.base);
  const call = { method: 'GET' as const, target, scopes: [], accept: [404], what };
  const response = await sender.send({ registry, repository: '' }, call, job);
  await discardBody(response, sender.timeouts);
  if (response.status !== 404) return;
  throw new RegistryFailure('registry', `${what}: there is no registry`, {
    status: 404,
    hint: 'give the name of the host, such as ghcr.io or registry.example.com:5000',
  });
}
