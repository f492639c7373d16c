import { InstructionError } from './instruction-error.js';

/** One port as the image config names it: `80/tcp`. */
export interface ExposedPort {
  readonly port: string;
}

/** What EXPOSE adds to the image config. */
export interface PortSpecs {
  /** In the order written, ranges spelled out, without duplicates. */
  readonly ports: readonly ExposedPort[];
  /** True when a word named a host address or host port, which is dropped: EXPOSE publishes nothing. */
  readonly hostParts: boolean;
}

const protocols = new Set(['tcp', 'udp', 'sctp']);

/**
 * EXPOSE words after expansion: `[[ip:]host:]port[-last][/protocol]`.
 *
 * @throws TsbuildError `dockerfile` for anything else
 */
export function parsePortSpecs(words: readonly string[]): PortSpecs {
  const ports = new Set<string>();
  let hostParts = false;
  for (const word of words) {
    const spec = parseSpec(word);
    hostParts ||= spec.host;
    for (let port = spec.first; port <= spec.last; port++) ports.add(`${port}/${spec.protocol}`);
  }
  return { ports: Array.from(ports, (port) => ({ port })), hostParts };
}

function parseSpec(word: string): { first: number; last: number; protocol: string; host: boolean } {
  const slash = word.indexOf('/');
  const address = slash < 0 ? word : word.slice(0, slash);
  const protocol = slash < 0 || slash === word.length - 1 ? 'tcp' : word.slice(slash + 1).toLowerCase();
  if (!protocols.has(protocol))
    throw invalid(word, `protocol ${JSON.stringify(protocol)} is not tcp, udp or sctp`);
  const colon = address.lastIndexOf(':');
  const range = parseRange(address.slice(colon + 1), word);
  if (colon >= 0) checkHost(address.slice(0, colon), { word, length: range.last - range.first });
  return { ...range, protocol, host: colon >= 0 };
}

function parseRange(text: string, word: string): { first: number; last: number } {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (first === '' || range.last > 65535) throw invalid(word, 'a port is a number from 0 to 65535');
  if (range.last < range.first) throw invalid(word, 'the range ends before it begins');
  return range;
}

function checkHost(host: string, { word, length }: { readonly word: string; readonly length: number }): void {
  const port = host.slice(host.lastIndexOf(':') + 1);
  if (port === '' || port.endsWith(']')) return;
  const range = parseRange(port, word);
  const differs = range.last - range.first !== length;
  // A range of host ports may stand for one container port.
  if (differs && length !== 0) throw invalid(word, 'host and container ranges differ in length');
}

function invalid(word: string, reason: string): InstructionError {
  return new InstructionError(`invalid port ${JSON.stringify(word)} in EXPOSE: ${reason}`, {
    hint: 'write for example EXPOSE 80 or EXPOSE 53/udp',
  });
}
