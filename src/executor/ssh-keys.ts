/** Private keys that tsbuild itself signs with, for `--ssh id=KEYFILE`: what an agent would do with them. */
import { constants, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { TsbuildError } from '../util/errors.js';
import { openSshKey } from './ssh-private-key.js';
import { agentMessages, refusal, WireReader, wireNumber, wireString } from './ssh-protocol.js';

export interface AgentKey {
  /** The public key as it goes over the wire. */
  readonly blob: Buffer;
  readonly comment: string;
  readonly key: KeyObject;
}

/** Reads a private key: OpenSSH's format or PEM, without a passphrase. Throws `usage`, never with any of the text. */
export function parseAgentKey(text: string, name: string): AgentKey {
  const hint =
    'give an Ed25519, RSA or ECDSA key without a passphrase, or load the key into ssh-agent and use --ssh default';
  try {
    if (/^-----BEGIN OPENSSH PRIVATE KEY-----/m.test(text)) {
      const { key, comment } = openSshKey(text);
      return { key, comment: comment === '' ? name : comment, blob: publicBlob(key) };
    }
    const key = createPrivateKey(text);
    return { key, comment: name, blob: publicBlob(key) };
  } catch {
    throw new TsbuildError('usage', `the SSH key ${JSON.stringify(name)} cannot be used`, { hint });
  }
}

/** Answers a request that `isAllowedRequest` lets through. */
export function answerWithKeys(keys: readonly AgentKey[], request: Buffer): Buffer {
  if (request[0] === agentMessages.requestIdentities) {
    const head = Buffer.alloc(5, agentMessages.identitiesAnswer);
    head.writeUInt32BE(keys.length, 1);
    return Buffer.concat([
      head,
      ...keys.flatMap(({ blob, comment }) => [wireString(blob), wireString(comment)]),
    ]);
  }
  try {
    const reader = new WireReader(request.subarray(1));
    const blob = reader.string();
    const data = reader.string();
    const flags = reader.number();
    const found = keys.find((key) => key.blob.equals(blob));
    if (found === undefined) return refusal;
    return Buffer.concat([
      Buffer.of(agentMessages.signResponse),
      wireString(signature(found.key, data, flags)),
    ]);
  } catch {
    return refusal;
  }
}

/** Names of curves: JWK, SSH, digest (RFC 5656). */
const curves = [
  { jwk: 'P-256', ssh: 'nistp256', hash: 'sha256' },
  { jwk: 'P-384', ssh: 'nistp384', hash: 'sha384' },
  { jwk: 'P-521', ssh: 'nistp521', hash: 'sha512' },
] as const;

function curveOf(key: KeyObject): (typeof curves)[number] {
  const { crv } = key.export({ format: 'jwk' });
  const curve = curves.find(({ jwk }) => jwk === crv);
  if (curve === undefined) throw new TypeError('unknown curve');
  return curve;
}

function publicBlob(key: KeyObject): Buffer {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const part = (name: 'x' | 'y' | 'n' | 'e'): Buffer => Buffer.from(jwk[name] ?? '', 'base64url');
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return Buffer.concat([wireString('ssh-ed25519'), wireString(part('x'))]);
    case 'rsa':
      return Buffer.concat([wireString('ssh-rsa'), wireNumber(part('e')), wireNumber(part('n'))]);
    case 'ec': {
      const { ssh } = curveOf(key);
      const point = Buffer.concat([Buffer.of(4), part('x'), part('y')]);
      return Buffer.concat([wireString(`ecdsa-sha2-${ssh}`), wireString(ssh), wireString(point)]);
    }
    default:
      throw new TypeError('unknown kind of key');
  }
}

/** SSH_AGENT_RSA_SHA2_256 and _512: which digest an RSA signature is made with; SHA-1 without. */
const [rsaSha256, rsaSha512] = [2, 4];

function signature(key: KeyObject, data: Buffer, flags: number): Buffer {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return Buffer.concat([wireString('ssh-ed25519'), wireString(sign(null, data, key))]);
    case 'rsa': {
      const [name, hash] =
        flags & rsaSha512
          ? ['rsa-sha2-512', 'sha512']
          : flags & rsaSha256
            ? ['rsa-sha2-256', 'sha256']
            : ['ssh-rsa', 'sha1'];
      return Buffer.concat([
        wireString(name),
        wireString(sign(hash, data, { key, padding: constants.RSA_PKCS1_PADDING })),
      ]);
    }
    default: {
      const { ssh, hash } = curveOf(key);
      const both = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
      const half = both.length / 2;
      const numbers = Buffer.concat([wireNumber(both.subarray(0, half)), wireNumber(both.subarray(half))]);
      return Buffer.concat([wireString(`ecdsa-sha2-${ssh}`), wireString(numbers)]);
    }
  }
}
