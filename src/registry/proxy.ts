/** Choice of a proxy, as curl and Go do it: HTTP_PROXY, HTTPS_PROXY, NO_PROXY. */
import { BlockList, isIP } from 'node:net';
import { bareHost, isLoopbackHost } from './addresses.js';
import type { ProxyOptions } from './types.js';
import { TsbuildError } from '../util/errors.js';

/** The proxy for a URL; undefined: connect directly. Throws `usage` for a proxy that is no http URL. */
export function proxyFor(url: URL, options: ProxyOptions | undefined): URL | undefined {
  const proxy = url.protocol === 'https:' ? options?.https : options?.http;
  if (proxy === undefined || proxy === '' || bypasses(url, options?.no)) return undefined;
  const text = proxy.includes('://') ? proxy : `http://${proxy}`;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed !== undefined && parsed.protocol === 'http:' && parsed.hostname !== '') return parsed;
  throw new TsbuildError('usage', 'the proxy is not a URL of the form http://host:port', {
    hint: 'correct the proxy variables of the environment (HTTP_PROXY, HTTPS_PROXY)',
  });
}

/** Value of Proxy-Authorization; undefined when the proxy's URL names no user. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '' && proxy.password === '') return undefined;
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(user).toString('base64')}`;
}

/**
 * Whether NO_PROXY exempts a URL. Entries: `*`, `host`, `.domain`, `*.domain`, an address, a network in CIDR form,
 * each but the latter with an optional `:port`. A host exempts its subdomains too. Loopback never goes to a proxy.
 */
function bypasses(url: URL, list: string | undefined): boolean {
  const host = bareHost(url).toLowerCase();
  if (isLoopbackHost(host)) return true;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return (list ?? '')
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(host, entry);
  const [, name = '', entryPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  const wanted = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return wanted !== '' && (host === wanted || (isIP(host) === 0 && host.endsWith(`.${wanted}`)));
}

/** Whether an address is inside `address/prefix`; false for names and for what is no network. */
export function isInNetwork(host: string, network: string): boolean {
  const [address = '', prefix = ''] = network.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
