/** Where a registry may send us: redirects, token servers, upload locations. */
import { bareHost, isLoopbackHost, mayRefer, reachOf, reachOfHost } from './addresses.js';
import type { Trust } from './connections.js';
import type { Endpoint } from './endpoint.js';
import { RegistryFailure } from './failure.js';
import { foreignText, redactUrl } from './redact.js';
import { isIP } from 'node:net';

const longestLocation = 8 * 1024;

/** Decides about URLs that the registry at `home` gives us. */
export interface Referrals {
  readonly home: Endpoint;
  readonly isInsecure: (url: URL) => boolean;
}

/**
 * The absolute URL of a Location or realm that was given at `base`. Same host as `base` but plain http instead of
 * https is a registry that does not know of the TLS proxy before it: https is kept. Otherwise a registry on https
 * sends nobody to plain http. Throws `registry`.
 */
export function referredUrl({ home, isInsecure }: Referrals, location: string | undefined, base: URL): URL {
  if (location === undefined || location === '')
    throw refused('answered without saying where to go on', home);
  if (location.length > longestLocation) throw refused('gave a URL that is too long', home);
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined;
  if (url === undefined) throw refused(`gave an unreadable URL ${foreignText(location)}`, home);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(`gave a URL that is not http: ${redactUrl(url)}`, home);
  if (url.username !== '' || url.password !== '')
    throw refused(`gave a URL with a user name in it: ${redactUrl(url)}`, home);
  url.hash = '';
  if (url.protocol === 'https:' || url.origin === home.base.origin) return url;
  if (
    base.protocol === 'https:' &&
    url.hostname === base.hostname &&
    (url.port === '' || url.port === base.port)
  ) {
    return new URL(`${base.origin}${url.pathname}${url.search}`);
  }
  const bothLocal =
    isLoopbackHost(bareHost(home.base)) && isLoopbackHost(bareHost(url)) && home.base.protocol === 'http:';
  if (bothLocal || isInsecure(url)) return url;
  throw refused(`sent us to plain http: ${redactUrl(url)}`, home);
}

/** How far to trust the host of a URL from `referredUrl`. Throws `registry` for a host that is too internal. */
export async function trustOf({ home, isInsecure }: Referrals, url: URL): Promise<Trust> {
  const insecure = url.host === home.base.host ? home.insecure : isInsecure(url);
  if (url.hostname === home.base.hostname) return { insecure, referredFrom: undefined };
  const from = await reachOfHost(bareHost(home.base)).catch(() => 'public' as const);
  const host = bareHost(url);
  const literal = isLoopbackHost(host) ? 'loopback' : isIP(host) === 0 ? undefined : reachOf(host);
  if (literal !== undefined && !mayRefer(from, literal))
    throw refused(`sent us to an internal address: ${redactUrl(url)}`, home);
  return { insecure, referredFrom: from };
}

function refused(what: string, { registry }: Endpoint): RegistryFailure {
  return new RegistryFailure('registry', `the registry ${registry} ${what}`);
}
