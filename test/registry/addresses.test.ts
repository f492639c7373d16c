import test from 'ava';
import {
  guardedLookup,
  isLoopbackHost,
  mayRefer,
  reachOf,
  reachOfHost,
  type Reach,
} from '../../src/registry/addresses.js';
import { isInNetwork, proxyAuthorization, proxyFor } from '../../src/registry/proxy.js';
import { TsbuildError } from '../../src/util/errors.js';

const reach = test.macro({
  exec: (t, address: string, expected: Reach) => t.is(reachOf(address), expected),
  title: (_, address: string, expected) => `${address} is ${expected}`,
});

for (const address of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])
  test(reach, address, 'loopback');
for (const address of [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  'fc00::1',
  'fd12:3456::1',
  '::ffff:10.0.0.1',
  '::ffff:a00:1',
  '64:ff9b::a00:1',
])
  test(reach, address, 'private');
for (const address of [
  '169.254.169.254',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  'fe80::1',
  '0.0.0.0',
  '::',
  '0.1.2.3',
  'fd00:ec2::254',
  '100.100.100.200',
  '168.63.129.16',
  '224.0.0.1',
  'ff02::1',
  '255.255.255.255',
])
  test(reach, address, 'link-local');
for (const address of [
  '8.8.8.8',
  '172.32.0.1',
  '192.169.0.1',
  '2606:4700::1',
  '11.0.0.1',
  '::ffff:8.8.8.8',
  '126.255.255.255',
  '128.0.0.1',
])
  test(reach, address, 'public');

const loopback = test.macro({
  exec: (t, host: string, expected: boolean) => t.is(isLoopbackHost(host), expected),
  title: (_, host: string, expected) => `plain http to ${host}: ${expected ? 'yes' : 'no'}`,
});
for (const host of [
  'localhost',
  'LOCALHOST',
  'a.localhost',
  'a.b.localhost',
  '127.0.0.1',
  '127.8.8.8',
  '::1',
])
  test(loopback, host, true);
for (const host of [
  'localhost.evil.com',
  'evillocalhost',
  'registry.local',
  'a.local',
  '128.0.0.1',
  '10.0.0.1',
  '0.0.0.0',
  '127.0.0.1.nip.io',
  'localhost.',
  '.localhost',
  '::2',
])
  test(loopback, host, false);

test('nobody is sent to a network more internal than its own', (t) => {
  const all: Reach[] = ['public', 'private', 'loopback', 'link-local'];
  const allowed = all.flatMap((from) => all.filter((to) => mayRefer(from, to)).map((to) => `${from}>${to}`));
  t.deepEqual(allowed, [
    'public>public',
    'private>public',
    'private>private',
    'loopback>public',
    'loopback>private',
    'loopback>loopback',
    'link-local>public',
    'link-local>private',
  ]);
});

test('names of this machine are never asked of a name server', async (t) => {
  t.is(await reachOfHost('anything.localhost'), 'loopback');
  t.is(await reachOfHost('10.1.2.3'), 'private');
});

const proxied = test.macro({
  exec(t, url: string, no: string, expected: boolean) {
    const proxy = proxyFor(new URL(url), { http: 'http://p:1', https: 'http://p:2', no });
    t.is(proxy !== undefined, expected);
    if (proxy !== undefined) t.is(proxy.port, url.startsWith('https') ? '2' : '1');
  },
  title: (_, url: string, no: string, expected) =>
    `NO_PROXY=${JSON.stringify(no)}: ${url} ${expected ? 'goes to the proxy' : 'goes directly'}`,
});
test(proxied, 'https://reg.com', '', true);
test(proxied, 'http://reg.com', '', true);
test(proxied, 'https://reg.com', 'reg.com', false);
test(proxied, 'https://reg.com', 'REG.COM', false);
test(proxied, 'https://a.reg.com', 'reg.com', false);
test(proxied, 'https://a.reg.com', '.reg.com', false);
test(proxied, 'https://a.reg.com', '*.reg.com', false);
test(proxied, 'https://evilreg.com', 'reg.com', true);
test(proxied, 'https://reg.com', 'a.com, reg.com b.com', false);
test(proxied, 'https://reg.com', '*', false);
test(proxied, 'https://reg.com:5000', 'reg.com:5000', false);
test(proxied, 'https://reg.com:5001', 'reg.com:5000', true);
test(proxied, 'https://reg.com', 'reg.com:443', false);
test(proxied, 'https://10.1.2.3', '10.0.0.0/8', false);
test(proxied, 'https://11.1.2.3', '10.0.0.0/8', true);
test(proxied, 'https://[fd00::5]', 'fd00::/8', false);
test(proxied, 'https://[fd00::5]:5000', '[fd00::5]:5000', false);
test(proxied, 'https://10.1.2.3', '10.1.2.3', false);
test(proxied, 'https://reg.com', '10.0.0.0/99, /8, :5, reg.com/8', true);
test(proxied, 'http://localhost:5000', '', false);
test(proxied, 'http://127.0.0.1:5000', '', false);

test('a network that is none contains nothing', (t) => {
  t.false(isInNetwork('10.0.0.1', '10.0.0.0/33'));
  t.false(isInNetwork('reg.com', '10.0.0.0/8'));
  t.false(isInNetwork('10.0.0.1', 'x/8'));
});

test('a proxy may lack the scheme and have a password, and must be http', (t) => {
  t.is(proxyFor(new URL('https://reg.com'), { https: 'proxy:3128' })?.href, 'http://proxy:3128/');
  t.is(
    proxyAuthorization(new URL('http://u:p%40ss@proxy')),
    `Basic ${Buffer.from('u:p@ss').toString('base64')}`,
  );
  t.is(proxyAuthorization(new URL('http://proxy')), undefined);
  for (const https of ['socks5://user:secret@proxy:1', 'http://', 'ht tp://x']) {
    const error = t.throws(() => proxyFor(new URL('https://reg.com'), { https }), {
      instanceOf: TsbuildError,
    });
    t.false(`${error?.message} ${error?.hint}`.includes('secret'));
  }
});

test('an address that a name leads to is checked when connecting', async (t) => {
  const find = (from: Reach | undefined, all: boolean) =>
    new Promise<unknown>((resolve) => {
      guardedLookup(from)('a.localhost', { all }, (error, found) => resolve(error?.code ?? found));
    });
  t.is(await find('public', true), 'EREFERRAL');
  t.is(await find('private', false), 'EREFERRAL');
  t.is(await find('loopback', false), '127.0.0.1');
  t.is(await find(undefined, false), '127.0.0.1');
  t.is(((await find(undefined, true)) as unknown[]).length, 2);
});
