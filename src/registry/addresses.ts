/** Which network a host is on. Registries send clients to other hosts; those may not be more internal than themselves. */
import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

export type Reach = 'public' | 'private' | 'loopback' | 'link-local';

const lists: readonly (readonly [Reach, BlockList])[] = [
  ['loopback', blockList([['127.0.0.0', 8]], [['::1', 128]])],
  [
    'link-local', // metadata services of clouds live here
    blockList(
      [
        ['169.254.0.0', 16],
        ['0.0.0.0', 8],
        ['100.100.100.200', 32],
        ['168.63.129.16', 32],
        ['224.0.0.0', 4],
        ['255.255.255.255', 32],
      ],
      [
        ['fe80::', 10],
        ['::', 128],
        ['fd00:ec2::', 32],
        ['ff00::', 8],
      ],
    ),
  ],
  [
    'private',
    blockList(
      [
        ['10.0.0.0', 8],
        ['172.16.0.0', 12],
        ['192.168.0.0', 16],
        ['100.64.0.0', 10],
        ['192.0.0.0', 24],
        ['198.18.0.0', 15],
      ],
      [
        ['fc00::', 7],
        ['fec0::', 10],
      ],
    ),
  ],
];

type Network = readonly [address: string, prefix: number];

function blockList(ipv4: readonly Network[], ipv6: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of ipv4) list.addSubnet(address, prefix, 'ipv4');
  for (const [address, prefix] of ipv6) list.addSubnet(address, prefix, 'ipv6');
  return list;
}

/** Network of an IP address (IPv4, IPv6, IPv4 in IPv6). */
export function reachOf(address: string): Reach {
  const mapped = embeddedIPv4(address);
  if (mapped !== undefined) return reachOf(mapped);
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  return lists.find(([, list]) => list.check(address, family))?.[0] ?? 'public';
}

/** IPv4 address inside `::ffff:a.b.c.d`, `::a.b.c.d` or NAT64's `64:ff9b::a.b.c.d`, in any spelling. */
function embeddedIPv4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  const canonical = new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1);
  const match = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (match === null) return undefined;
  const [high, low] = [parseInt(match[1] ?? '0', 16), parseInt(match[2] ?? '0', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Host of a URL without the brackets of IPv6. */
export function bareHost(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** Exactly `localhost`, `*.localhost` (RFC 6761), 127.0.0.0/8 and ::1; never `.local` or `localhost.example`. */
export function isLoopbackHost(host: string): boolean {
  if (isIP(host) !== 0) return reachOf(host) === 'loopback';
  return /^(?:[a-z0-9-]+\.)*localhost$/i.test(host);
}

/** Network of a host; of a name with several addresses the most internal one. Throws Node's DNS errors. */
export async function reachOfHost(host: string): Promise<Reach> {
  if (isLoopbackHost(host)) return 'loopback';
  if (isIP(host) !== 0) return reachOf(host);
  const reaches = (await addressesOf(host, { all: true })).map(({ address }) => reachOf(address));
  return (
    (['link-local', 'loopback', 'private'] as const).find((reach) => reaches.includes(reach)) ?? 'public'
  );
}

/** Whether a server on `from` may send us to a host on `to`. Nobody may to link-local addresses. */
export function mayRefer(from: Reach, to: Reach): boolean {
  if (to === 'public') return true;
  return to === 'private' ? from !== 'public' : to === 'loopback' && from === 'loopback';
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * A `lookup` for Node's sockets. Names of this machine are never asked of a name server. With `from`, addresses
 * to which a server there may not refer are refused at the very moment of connecting.
 */
export function guardedLookup(from: Reach | undefined) {
  return (host: string, options: LookupAllOptions | { all?: boolean }, callback: LookupCallback): void => {
    addressesOf(host, { ...options, all: true }).then(
      (found) => {
        const allowed =
          from === undefined ? found : found.filter(({ address }) => mayRefer(from, reachOf(address)));
        const [first] = allowed;
        if (first === undefined)
          callback(Object.assign(new Error(`${host} is an internal address`), { code: 'EREFERRAL' }), '');
        else if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), ''),
    );
  };
}

function addressesOf(host: string, options: LookupAllOptions): Promise<LookupAddress[]> {
  if (isLoopbackHost(host)) {
    return Promise.resolve([
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
  }
  return new Promise((resolve, reject) => {
    lookup(host, options, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}
