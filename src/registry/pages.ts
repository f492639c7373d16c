/** Answers that come in pages (distribution-spec, "Listing Tags" and "Listing Referrers"; RFC 8288). */
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

export interface PageRequest {
  readonly where: Repository;
  /** Below the API of the repository. */
  readonly target: string;
  readonly accept?: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly what: string;
  readonly job: Job;
  readonly retries: RetryOptions;
}

export interface Page {
  readonly response: Response;
  readonly body: Buffer;
}

/** All pages in order, at most a thousand of at most 4 MiB. A page that was accepted as a failure is the last one. */
export async function* pages(sender: Sender, request: PageRequest): AsyncGenerator<Page> {
  const { where, what, job } = request;
  const seen = new Set<string>();
  const referrals = await sender.referrals(where.registry, job);
  let target: string | URL | undefined = request.target;
  for (let count = 0; target !== undefined; count++) {
    const page: Page = await fetchPage(sender, request, target);
    yield page;
    const next = page.response.status < 400 ? nextLink(page.response) : undefined;
    if (next === undefined) return;
    target = referredUrl(referrals, next, page.response.url);
    const loops = seen.has(target.href) || count >= maximumPages;
    if (loops || target.origin !== referrals.home.base.origin)
      throw new RegistryFailure('registry', `${what}: its pages lead elsewhere or never end`);
    seen.add(target.href);
  }
}

async function fetchPage(sender: Sender, request: PageRequest, target: string | URL): Promise<Page> {
  const { where, what, job, retries, headers = {}, accept = [] } = request;
  const scopes = [repositoryScope(where.repository, 'pull')];
  const call = { method: 'GET' as const, target, headers, scopes, accept, what };
  const response = await withRetries(new Attempts(retries, job), () => sender.send(where, call, job));
  const body = await readBody(response, maximumPage, sender.timeouts).catch((error: unknown) => {
    throw networkFailure(error, what, response.url);
  });
  if (body === undefined)
    throw new RegistryFailure('registry', `${what}: the answer is longer than ${maximumPage} bytes`);
  return { response, body };
}

/** The URL of `Link: <…>; rel="next"`. */
function nextLink(response: Response): string | undefined {
  return /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(response.headers['link'] ?? '')?.[1];
}
