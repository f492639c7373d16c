import { discardBody, exchange, type Exchanger, type Request, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { referredUrl, trustOf, type Referrals } from './referral.js';

const maximumRedirects = 10;
/** What may be told to another origin: nothing that identifies us or that config.json added. */
const harmless = new Set([
  'accept',
  'accept-encoding',
  'content-type',
  'content-range',
  'range',
  'user-agent',
]);

/**
 * Sends a request and follows redirects. Once the origin (scheme, host and port) is left, credentials are dropped
 * and stay dropped. Requests that change something follow 307 and 308 only; other redirects of theirs are returned.
 */
export async function follow(
  exchanger: Exchanger,
  request: Request,
  { referrals, signal }: { referrals: Referrals; signal: AbortSignal },
): Promise<Response> {
  let current = request;
  for (let hops = 0; hops <= maximumRedirects; hops++) {
    const trust = await trustOf(referrals, current.url);
    const response = await exchange(exchanger, current, { trust, signal });
    if (!isRedirect(current.method, response.status)) return response;
    await discardBody(response, exchanger.timeouts);
    const url = referredUrl(referrals, response.headers['location'], current.url);
    const headers = url.origin === current.url.origin ? current.headers : harmlessHeaders(current.headers);
    current = { ...current, url, headers };
  }
  throw new RegistryFailure(
    'registry',
    `${referrals.home.registry} redirects more than ${maximumRedirects} times`,
  );
}

function isRedirect(method: string, status: number): boolean {
  if (status === 307 || status === 308) return true;
  return (method === 'GET' || method === 'HEAD') && (status === 301 || status === 302 || status === 303);
}

/** The headers that a server which is not the registry may see. */
export function harmlessHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.has(name.toLowerCase())));
}
