import { isJsonObject } from '../oci/json-guards.js';
import { isTag } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import { repositoryScope } from './challenge.js';
import { readBody, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { networkFailure } from './network-failure.js';
import { referredUrl } from './referral.js';
import { Attempts, withRetries } from './retry.js';
import type { Sender } from './sender.js';
import type { Repository, RetryOptions } from './types.js';

const maximumPages = 1000;
const maximumPage = 4 * 1024 * 1024;

/** All tags of a repository, page by page (distribution-spec, "Listing Tags"). None when it does not exist. */
export async function listTags(
  sender: Sender,
  where: Repository,
  { job, retries }: { job: Job; retries: RetryOptions },
): Promise<string[]> {
  const what = `cannot list the tags of ${where.registry}/${where.repository}`;
  const tags: string[] = [];
  const seen = new Set<string>();
  const referrals = await sender.referrals(where.registry, job);
  let target: string | URL | undefined = 'tags/list';
  for (let page = 0; target !== undefined; page++) {
    const call = {
      method: 'GET' as const,
      target,
      scopes: [repositoryScope(where.repository, 'pull')],
      accept: [404],
      what,
    };
    const response: Response = await withRetries(new Attempts(retries, job), () =>
      sender.send(where, call, job),
    );
    tags.push(...(await readPage(response, { sender, what })));
    const next = response.status === 404 ? undefined : nextLink(response);
    if (next === undefined) return tags;
    target = referredUrl(referrals, next, response.url);
    const loops = seen.has(target.href) || page >= maximumPages;
    if (loops || target.origin !== referrals.home.base.origin)
      throw new RegistryFailure('registry', `${what}: its pages lead elsewhere or never end`);
    seen.add(target.href);
  }
  return tags;
}

async function readPage(
  response: Response,
  { sender, what }: { sender: Sender; what: string },
): Promise<readonly string[]> {
  const body = await readBody(response, maximumPage, sender.timeouts).catch((error: unknown) => {
    throw networkFailure(error, what, response.url);
  });
  if (response.status === 404) return [];
  const tags = body === undefined ? undefined : tagsOf(body);
  if (tags === undefined) throw new RegistryFailure('registry', `${what}: the answer is no list of tags`);
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

/** The URL of `Link: <…>; rel="next"` (RFC 8288). */
function nextLink(response: Response): string | undefined {
  return /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(response.headers['link'] ?? '')?.[1];
}
