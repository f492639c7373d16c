/** Messages of the SSH agent protocol (draft-ietf-sshm-ssh-agent) and the wire types of RFC 4251. Pure. */

export const agentMessages = {
  failure: 5,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
} as const;

/** What is answered to a request that is not passed on. */
export const refusal = Buffer.of(agentMessages.failure);

/** As OpenSSH: longer messages end the connection. */
const longestMessage = 256 * 1024;

/** Whether a step may ask this: which keys there are, and for a signature. */
export function isAllowedRequest(message: Uint8Array): boolean {
  return message[0] === agentMessages.requestIdentities
    ? message.length === 1
    : message[0] === agentMessages.signRequest;
}

/** A message with its length in front. */
export function frameOf(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** Cuts a stream into messages. */
export class FrameReader {
  #pending = Buffer.alloc(0);

  constructor(private readonly onMessage: (message: Buffer) => void) {}

  /** False for a message that is empty or too long. */
  push(chunk: Uint8Array): boolean {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4) {
      const length = this.#pending.readUInt32BE(0);
      if (length === 0 || length > longestMessage) return false;
      if (this.#pending.length < 4 + length) return true;
      this.onMessage(this.#pending.subarray(4, 4 + length));
      this.#pending = this.#pending.subarray(4 + length);
    }
    return true;
  }
}

/** A `string` of RFC 4251: its length and its bytes. */
export function wireString(bytes: Uint8Array | string): Buffer {
  return frameOf(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
}

/** An `mpint` of RFC 4251 for a number that is not negative, from its big-endian bytes. */
export function wireNumber(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const magnitude = start < 0 ? new Uint8Array() : bytes.subarray(start);
  const sign = (magnitude[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.alloc(0);
  return wireString(Buffer.concat([sign, magnitude]));
}

/** Reads wire types one after the other. Throws RangeError at the end of the bytes. */
export class WireReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  number(): number {
    const value = this.bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  string(): Buffer {
    const length = this.number();
    if (this.#at + length > this.bytes.length) throw new RangeError('a string ends after its message');
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.string().toString('latin1');
  }
}
