import type { ResolverSettings } from './types.js';

/**
 * /etc/resolv.conf of a step: the machine's (or the network's) lines, and instead of those of a kind that is given the
 * given ones, as buildah does it (resolv.conf(5)). `.` as a search domain is none. Without settings the bytes as they are.
 */
export function resolvConfFor(settings: ResolverSettings | undefined, own: Uint8Array): Uint8Array {
  if (settings === undefined) return own;
  const { servers, searches, options } = settings;
  const domains = searches.filter((domain) => domain !== '.');
  const replaced = [
    ...(servers.length > 0 ? ['nameserver'] : []),
    ...(searches.length > 0 ? ['search', 'domain'] : []),
    ...(options.length > 0 ? ['options'] : []),
  ];
  const kept = Buffer.from(own)
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '' && !replaced.includes(/^\s*(\S+)/.exec(line)?.[1] ?? ''));
  const given = [
    ...(domains.length > 0 ? [`search ${domains.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return Buffer.from([...kept, ...given].map((line) => `${line}\n`).join(''), 'latin1');
}
