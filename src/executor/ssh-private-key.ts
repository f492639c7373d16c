import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { WireReader } from './ssh-protocol.js';

const magic = 'openssh-key-v1\0';

/**
 * A key in OpenSSH's own format (PROTOCOL.key of OpenSSH), which Node cannot read. Throws an Error for one with a
 * passphrase, for several keys in one file, and for what is no such key.
 */
export function openSshKey(pem: string): { readonly key: KeyObject; readonly comment: string } {
  const base64 =
    /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/.exec(pem)?.[1] ?? '';
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) throw new TypeError('not an OpenSSH key');
  const outer = new WireReader(bytes.subarray(magic.length));
  const [cipher] = [outer.text(), outer.text(), outer.string()];
  if (cipher !== 'none') throw new TypeError('the key has a passphrase');
  if (outer.number() !== 1) throw new TypeError('not one key');
  outer.string(); // the public key, which is in the private part too
  const reader = new WireReader(outer.string());
  if (reader.number() !== reader.number()) throw new TypeError('damaged key');
  const jwk = readJwk(reader);
  return { key: createPrivateKey({ key: jwk, format: 'jwk' }), comment: reader.text() };
}

const curveNames: ReadonlyMap<string, string> = new Map([
  ['nistp256', 'P-256'],
  ['nistp384', 'P-384'],
  ['nistp521', 'P-521'],
]);

function readJwk(reader: WireReader): JsonWebKey {
  const type = reader.text();
  if (type === 'ssh-ed25519') {
    const x = reader.string();
    return { kty: 'OKP', crv: 'Ed25519', x: encode(x), d: encode(reader.string().subarray(0, 32)) };
  }
  if (type === 'ssh-rsa') return rsaKey(reader);
  const crv = curveNames.get(reader.text());
  if (crv === undefined || !type.startsWith('ecdsa-sha2-')) throw new TypeError('unknown kind of key');
  const point = reader.string();
  const size = (point.length - 1) / 2;
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
  const d = magnitude(reader.string());
  return {
    kty: 'EC',
    crv,
    x: encode(x),
    y: encode(y),
    d: encode(Buffer.concat([Buffer.alloc(size - d.length), d])),
  };
}

function rsaKey(reader: WireReader): JsonWebKey {
  const [n, e, d, qi, p, q] = [
    reader.string(),
    reader.string(),
    reader.string(),
    reader.string(),
    reader.string(),
    reader.string(),
  ].map(magnitude);
  if (!n || !e || !d || !qi || !p || !q) throw new TypeError('damaged key');
  const reduced = (prime: Buffer): Buffer => numberBytes(numberOf(d) % (numberOf(prime) - 1n));
  return {
    kty: 'RSA',
    n: encode(n),
    e: encode(e),
    d: encode(d),
    p: encode(p),
    q: encode(q),
    qi: encode(qi),
    dp: encode(reduced(p)),
    dq: encode(reduced(q)),
  };
}

/** An mpint without the byte that keeps it positive. */
function magnitude(bytes: Buffer): Buffer {
  return bytes[0] === 0 ? bytes.subarray(1) : bytes;
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex') || '0'}`);
}

function numberBytes(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
