/** What refers to a manifest (distribution-spec 1.1, "Listing Referrers" and "Referrers Tag Schema"). */
import { hexOf, type Digest } from '../oci/digest.js';
import { mediaTypes } from '../oci/media-types.js';
import { parseIndex } from '../oci/validate.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import { RegistryFailure } from './failure.js';
import { resolveManifest, fetchManifest } from './manifests.js';
import { pages } from './pages.js';
import { Attempts, withRetries } from './retry.js';
import type { Sender } from './sender.js';
import { repositoryName } from './repository-name.js';
import type { Repository, RetryOptions } from './types.js';

/** Answers of registries that do not know the API; some proxies make others of 404. */
const unsupported = [400, 404, 405, 406, 501];

export interface ReferrersQuestion {
  readonly digest: Digest;
  readonly job: Job;
  readonly retries: RetryOptions;
}

/** Asks the API and, where the registry has none, the tag that stands for it. See RegistryClient.referrers. */
export async function listReferrers(
  sender: Sender,
  where: Repository,
  { digest, job, retries }: ReferrersQuestion,
): Promise<readonly Descriptor[]> {
  const what = `cannot list the referrers of ${repositoryName(where)}@${digest}`;
  const found: Descriptor[] = [];
  const request = { where, target: `referrers/${digest}`, accept: unsupported, what, job, retries };
  const headers = { Accept: mediaTypes.ociIndex };
  for await (const { response, body } of pages(sender, { ...request, headers })) {
    const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    // A proxy's page or an unknown path of the registry is no answer either.
    if (response.status >= 400 || (found.length === 0 && type !== mediaTypes.ociIndex))
      return withRetries(new Attempts(retries, job), () => byTag(sender, { ...where, digest }, job));
    found.push(...parsed(body, what));
  }
  return found;
}

async function byTag(
  sender: Sender,
  { registry, repository, digest }: Repository & { readonly digest: Digest },
  job: Job,
): Promise<readonly Descriptor[]> {
  const reference = { registry, repository, tag: `sha256-${hexOf(digest)}` };
  if ((await resolveManifest(sender, reference, job)) === undefined) return [];
  const { bytes } = await fetchManifest(sender, reference, { job });
  return parsed(bytes, `cannot read ${registry}/${repository}:${reference.tag}`);
}

function parsed(bytes: Uint8Array, what: string): readonly Descriptor[] {
  try {
    return parseIndex(bytes, mediaTypes.ociIndex).manifests;
  } catch (error) {
    throw new RegistryFailure('image', `${what}: the answer is no index of referrers`, { cause: error });
  }
}
