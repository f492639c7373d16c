/** Programs of the network of a build. Pure. */
import { linux } from '../linux.js';
import { addressOf, valueOf, type Operation, type Program } from '../../sys/program.js';
import { dieWithParent, fork, forkInit, initSlots, loopbackUp } from './namespaces.js';
import { report } from './operations.js';

/** Tag of the report that the namespace is there. */
export const namespaceReadyTag = -4n;

/** Services that tell a virtual machine its credentials: no step needs them, and none gets them. */
const metadataAddresses = [
  { family: linux.AF_INET, bytes: [169, 254, 169, 254] },
  { family: linux.AF_INET6, bytes: [0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54] },
] as const;

/** Makes a network namespace with its loopback up and holds it until it is killed. */
export function namespaceProgram(): Program {
  return {
    operations: [
      dieWithParent,
      { call: 'unshare', args: [linux.CLONE_NEWNET], label: 'make a network namespace' },
      ...loopbackUp,
      ...metadataAddresses.flatMap(blockAddress),
      ...report(namespaceReadyTag, 'ready'),
      { call: 'read', args: [3, addressOf('ready'), 1], nonzero: true },
      { call: 'exit_group', args: [0] },
    ],
    slots: { ready: 8 },
  };
}

/** Says "unreachable" to whoever connects to the address. The kernel takes the route without any interface. */
function blockAddress(address: { readonly family: number; readonly bytes: readonly number[] }): Operation[] {
  const message = unreachableRoute(address);
  const label = 'block an address';
  return [
    {
      call: 'socket',
      args: [linux.AF_NETLINK, linux.SOCK_RAW, linux.NETLINK_ROUTE],
      result: { slot: 'socket' },
      label,
    },
    { call: 'write', args: [valueOf('socket'), message, message.length], label },
    { call: 'close', args: [valueOf('socket')] },
  ];
}

const [RTM_NEWROUTE, NLM_F_REQUEST, NLM_F_CREATE] = [24, 0x1, 0x400];
const [RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNREACHABLE, RTA_DST] = [254, 4, 7, 1];

/** A message of rtnetlink(7): struct nlmsghdr, struct rtmsg, one attribute. */
function unreachableRoute({
  family,
  bytes,
}: {
  readonly family: number;
  readonly bytes: readonly number[];
}): Buffer {
  const message = Buffer.alloc(16 + 12 + 4 + bytes.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(RTM_NEWROUTE, 4);
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_CREATE, 6);
  message.set([family, bytes.length * 8, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNREACHABLE], 16);
  message.writeUInt16LE(4 + bytes.length, 28);
  message.writeUInt16LE(RTA_DST, 30);
  message.set(bytes, 32);
  return message;
}

/** Descriptor that a connector may say on that it is ready. */
export const readyFd = 3;

export interface ConnectorPlan {
  /** Path of the namespace as this process sees it. */
  readonly namespace: string;
  /** An empty file that it is mounted on for the program: a path below /proc would need a right to trace. */
  readonly mountedOn: string;
  /** File that the program finds open as `readyFd`. */
  readonly ready: string;
  readonly argv: readonly string[];
}

/**
 * Runs a connector in a PID namespace whose first process dies with this one: the connector changes its rights, which
 * would make the kernel forget a death signal of its own.
 */
export function connectorProgram({ namespace, mountedOn, ready, argv }: ConnectorPlan): Program {
  const [command = ''] = argv;
  const flags = linux.O_WRONLY | linux.O_CREAT | linux.O_CLOEXEC;
  const label = `start ${command}`;
  return {
    operations: [
      dieWithParent,
      { call: 'unshare', args: [linux.CLONE_NEWNS | linux.CLONE_NEWPID], label },
      { call: 'mount', args: [0, '/', 0, linux.MS_REC | linux.MS_PRIVATE, 0], label },
      { call: 'mount', args: [namespace, mountedOn, 0, linux.MS_BIND, 0], label },
      ...forkInit(label),
      fork(label),
      { call: 'openat', args: [linux.AT_FDCWD, ready, flags, 0o600], result: { slot: 'opened' }, label },
      { call: 'dup3', args: [valueOf('opened'), readyFd, 0], label },
      { call: 'close_range', args: [readyFd + 1, 0xffffffff, linux.CLOSE_RANGE_CLOEXEC], label },
      {
        call: 'execve',
        args: [command, { words: [...argv, 0] }, { words: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 0] }],
        label,
      },
      { call: 'exit_group', args: [127] },
    ],
    slots: initSlots,
  };
}
