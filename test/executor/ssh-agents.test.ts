/** SSH for steps: what a socket lets through, and keys that tsbuild signs with itself. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { sshAgents, type AgentSource } from '../../src/executor/ssh-agents.js';
import { parseAgentKey } from '../../src/executor/ssh-keys.js';
import {
  FrameReader,
  frameOf,
  isAllowedRequest,
  WireReader,
  wireString,
} from '../../src/executor/ssh-protocol.js';
import { TsbuildError } from '../../src/util/errors.js';
import { findProgram } from '../helpers/programs.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

const folder = makeScratch('ssh');
test.after.always(() => removeScratch(folder));

let count = 0;
const owner = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

function openAgent(source: AgentSource) {
  return sshAgents(new Map([['default', source]]), () => join(folder, `agent-${count++}`)).open(
    'default',
    owner,
  );
}

/** Sends one message and gives the answer. */
function ask(path: string, message: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const reader = new FrameReader((answer) => {
      resolve(Buffer.from(answer));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
    socket.on('data', (chunk: Buffer) => void reader.push(chunk));
    socket.write(frameOf(message));
  });
}

const verdicts: readonly [name: string, message: readonly number[], allowed: boolean][] = [
  ['list of identities', [11], true],
  ['list of identities with more', [11, 0], false],
  ['signature', [13, 0, 0, 0, 0], true],
  ['add a key', [17, 1], false],
  ['remove a key', [18], false],
  ['remove all keys', [19], false],
  ['add from a smart card', [20], false],
  ['lock', [22], false],
  ['unlock', [23], false],
  ['add with constraints', [25], false],
  ['extension', [27], false],
  ['version 1 list', [1], false],
];
for (const [name, message, allowed] of verdicts) {
  test(`SBX-21: ${name} is ${allowed ? 'passed on' : 'refused'}`, (t) => {
    t.is(isAllowedRequest(Uint8Array.from(message)), allowed);
  });
}

test('SBX-21: an agent of the host sees lists and signatures only', async (t) => {
  const seen: number[] = [];
  const host = join(folder, 'host.sock');
  const server = createServer((socket) => {
    const reader = new FrameReader((message) => {
      seen.push(message[0] ?? -1);
      socket.write(frameOf(Buffer.of(12, 0, 0, 0, 0)));
    });
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => void reader.push(chunk));
  });
  await new Promise<void>((resolve) => server.listen(host, () => resolve()));
  const agent = await openAgent({ kind: 'socket', path: host });
  t.deepEqual([...(await ask(agent.path, Buffer.of(11)))], [12, 0, 0, 0, 0]);
  for (const request of [17, 18, 19, 22, 25, 27])
    t.deepEqual([...(await ask(agent.path, Buffer.of(request, 0)))], [5]);
  t.deepEqual(seen, [11]);
  await agent.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test('SBX-21: the socket lies in a folder of mode 0700, which is gone afterwards', async (t) => {
  const agent = await openAgent({ kind: 'keys', keys: [] });
  const parent = join(agent.path, '..');
  t.is(statSync(parent).mode & 0o777, 0o700);
  t.is(statSync(agent.path).mode & 0o777, 0o600);
  await agent.close();
  t.false(existsSync(parent));
});

test('a message that is too long ends the connection', async (t) => {
  const agent = await openAgent({ kind: 'keys', keys: [] });
  const closed = new Promise<void>((resolve) => {
    const socket = connect(agent.path);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.write(Buffer.of(0xff, 0xff, 0xff, 0xff, 11));
  });
  await closed;
  await agent.close();
  t.pass();
});

test('messages are found however the stream is cut', (t) => {
  const stream = Buffer.concat([
    frameOf(Buffer.of(11)),
    frameOf(Buffer.from('hello')),
    frameOf(Buffer.of(1, 2)),
  ]);
  for (let size = 1; size <= stream.length; size += 1) {
    const found: string[] = [];
    const reader = new FrameReader((message) => found.push(message.toString('hex')));
    for (let at = 0; at < stream.length; at += size) t.true(reader.push(stream.subarray(at, at + size)));
    t.deepEqual(found, ['0b', '68656c6c6f', '0102']);
  }
});

type Check = (signed: WireReader, data: Buffer, key: KeyObject) => boolean;

/** Asks for a signature of a key and checks it as a server would. */
async function signsWell(pem: string, flags: number, check: Check) {
  const key = parseAgentKey(pem, 'test');
  const agent = await openAgent({ kind: 'keys', keys: [key] });
  try {
    const listed = new WireReader((await ask(agent.path, Buffer.of(11))).subarray(1));
    if (listed.number() !== 1) return false;
    const blob = Buffer.from(listed.string());
    const data = Buffer.from('what is signed');
    const tail = Buffer.alloc(4);
    tail.writeUInt32BE(flags);
    const answer = await ask(
      agent.path,
      Buffer.concat([Buffer.of(13), wireString(blob), wireString(data), tail]),
    );
    if (answer[0] !== 14) return false;
    const outer = new WireReader(answer.subarray(1));
    return check(new WireReader(Buffer.from(outer.string())), data, createPublicKey(key.key));
  } finally {
    await agent.close();
  }
}

const ed25519 = (signed: WireReader, data: Buffer, key: KeyObject): boolean =>
  signed.text() === 'ssh-ed25519' && verify(null, data, key, signed.string());

const rsa =
  (name: string, hash: string) =>
  (signed: WireReader, data: Buffer, key: KeyObject): boolean =>
    signed.text() === name && verify(hash, data, key, signed.string());

function ecdsa(signed: WireReader, data: Buffer, key: KeyObject): boolean {
  const [name, numbers] = [signed.text(), new WireReader(Buffer.from(signed.string()))];
  const size = { 'ecdsa-sha2-nistp256': 32, 'ecdsa-sha2-nistp384': 48, 'ecdsa-sha2-nistp521': 66 }[name] ?? 0;
  const fixed = (number: Buffer): Buffer => {
    const bytes = number[0] === 0 ? number.subarray(1) : number;
    return Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
  };
  const both = Buffer.concat([fixed(numbers.string()), fixed(numbers.string())]);
  const hash = { 32: 'sha256', 48: 'sha384', 66: 'sha512' }[size] ?? '';
  return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, both);
}

const pem = { type: 'pkcs8', format: 'pem' } as const;

test('keys of PEM files sign', async (t) => {
  t.true(await signsWell(generateKeyPairSync('ed25519').privateKey.export(pem).toString(), 0, ed25519));
  const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString();
  t.true(await signsWell(rsaKey, 2, rsa('rsa-sha2-256', 'sha256')));
  t.true(await signsWell(rsaKey, 4, rsa('rsa-sha2-512', 'sha512')));
  for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
    const key = generateKeyPairSync('ec', { namedCurve }).privateKey.export(pem).toString();
    t.true(await signsWell(key, 0, ecdsa), namedCurve);
  }
});

const keygen = findProgram('ssh-keygen');
const keygenTest = keygen === undefined ? test.skip : test;

function generated(
  name: string,
  args: readonly string[],
): { readonly text: string; readonly public: string } {
  const path = join(folder, name);
  execFileSync(keygen ?? '', ['-q', '-N', '', '-C', 'me@host', '-f', path, ...args]);
  return { text: readFileSync(path, 'utf8'), public: readFileSync(`${path}.pub`, 'utf8') };
}

const kinds: readonly (readonly [name: string, args: readonly string[], check: Check])[] = [
  ['ed25519', ['-t', 'ed25519'], ed25519],
  ['rsa', ['-t', 'rsa', '-b', '2048'], rsa('rsa-sha2-512', 'sha512')],
  ['ecdsa-256', ['-t', 'ecdsa', '-b', '256'], ecdsa],
  ['ecdsa-521', ['-t', 'ecdsa', '-b', '521'], ecdsa],
];
for (const [name, args, check] of kinds) {
  keygenTest(`keys of ssh-keygen are read: ${name}`, async (t) => {
    const key = generated(name, args);
    const parsed = parseAgentKey(key.text, 'file');
    t.is(parsed.comment, 'me@host');
    t.is(parsed.blob.toString('base64'), key.public.split(' ')[1] ?? '');
    t.true(await signsWell(key.text, 4, check));
  });
}

keygenTest('LOG-01: a key with a passphrase is refused without a word of it', (t) => {
  const path = join(folder, 'locked');
  execFileSync(keygen ?? '', ['-q', '-N', 'open sesame', '-t', 'ed25519', '-f', path]);
  const text = readFileSync(path, 'utf8');
  const error = t.throws(() => parseAgentKey(text, 'locked'), { instanceOf: TsbuildError });
  t.regex(error?.hint ?? '', /without a passphrase/);
  t.false(
    text.split('\n').some((line) => line.length > 20 && `${error?.stack}${error?.message}`.includes(line)),
  );
});

for (const text of [
  '',
  'x',
  '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
]) {
  test(`what is no key is refused: ${JSON.stringify(text.slice(0, 12))}`, (t) => {
    t.throws(() => parseAgentKey(text, 'k'), { instanceOf: TsbuildError, code: 'usage' });
  });
}

test('a signature of a key that was not given is refused', async (t) => {
  const agent = await openAgent({ kind: 'keys', keys: [] });
  const request = Buffer.concat([Buffer.of(13), wireString('blob'), wireString('data'), Buffer.alloc(4)]);
  t.deepEqual([...(await ask(agent.path, request))], [5]);
  t.deepEqual([...(await ask(agent.path, Buffer.of(13, 0, 0, 0, 9)))], [5], 'a damaged request');
  await agent.close();
});
