/** Programs that connect a network namespace with the outside. Pure. */

import { readyFd } from './sandbox/network.js';

export interface ConnectorPlace {
  /** Path of the namespace, and of a file that the program makes when it is ready. */
  readonly namespace: string;
  readonly ready: string;
  readonly hostPorts: readonly number[];
}

export interface Connector {
  readonly name: string;
  /** Whether it can make single ports of the host's 127.0.0.1 reachable. */
  readonly forwardsPorts: boolean;
  /** Address at which it answers for the host's name servers. */
  readonly nameServer: string;
  /** Arguments after the program's name. */
  readonly argv: (place: ConnectorPlace) => readonly string[];
}

/** An address that pasta takes DNS queries for; link-local, so that no network of the host has it. */
const pastaNameServer = '169.254.1.1';

/** In the order in which they are tried. */
export const connectors: readonly Connector[] = [
  {
    name: 'pasta',
    forwardsPorts: true,
    nameServer: pastaNameServer,
    argv: ({ namespace, ready, hostPorts }) => [
      '--foreground',
      '--config-net',
      '--runas=0:0', // as another user it may not enter the namespace
      '--tcp-ports=none',
      '--udp-ports=none',
      '--udp-ns=none',
      `--tcp-ns=${hostPorts.length === 0 ? 'none' : hostPorts.join(',')}`,
      '--no-map-gw', // the gateway's address would stand for the host's loopback
      `--dns-forward=${pastaNameServer}`,
      `--pid=${ready}`,
      `--netns=${namespace}`,
    ],
  },
  {
    name: 'slirp4netns',
    forwardsPorts: false,
    nameServer: '10.0.2.3',
    argv: ({ namespace }) => [
      '--configure',
      '--mtu=65520',
      '--disable-host-loopback',
      '--enable-sandbox',
      '--enable-seccomp',
      `--ready-fd=${readyFd}`,
      '--netns-type=path',
      namespace,
      'tap0',
    ],
  },
];
