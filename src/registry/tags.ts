import { isJsonObject } from '../oci/json-guards.js';
import { isTag } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import { RegistryFailure } from './failure.js';
import { pages } from './pages.js';
import type { Sender } from './sender.js';
import { repositoryName } from './repository-name.js';
import type { Repository, RetryOptions } from './types.js';

/** All tags of a repository, page by page (distribution-spec, "Listing Tags"). None when it does not exist. */
export async function listTags(
  sender: Sender,
  where: Repository,
  { job, retries }: { job: Job; retries: RetryOptions },
): Promise<string[]> {
  const what = `cannot list the tags of ${repositoryName(where)}`;
  const tags: string[] = [];
  for await (const { response, body } of pages(sender, {
    where,
    target: 'tags/list',
    accept: [404],
    what,
    job,
    retries,
  })) {
    if (response.status === 404) break;
    const found = tagsOf(body);
    if (found === undefined) throw new RegistryFailure('registry', `${what}: the answer is no list of tags`);
    tags.push(...found);
  }
  return tags;
}

function tagsOf(body: Buffer): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (!isJsonObject(value)) return undefined;
    const tags = value['tags'] ?? [];
    return Array.isArray(tags)
      ? tags.filter((tag: unknown): tag is string => typeof tag === 'string' && isTag(tag))
      : undefined;
  } catch {
    return undefined;
  }
}
