import test from 'ava';
import { findEntry, parseAuthFile } from '../../src/registry/auth-file.js';
import type { Credentials } from '../../src/registry/types.js';
import { TsbuildError } from '../../src/util/errors.js';

const auth = (text: string) => Buffer.from(text).toString('base64');
const basic = (username: string, password: string): Credentials => ({ kind: 'basic', username, password });

const entry = test.macro({
  exec(
    t,
    auths: object,
    [registry, repository]: readonly [string, string],
    expected: Credentials | undefined,
  ) {
    t.deepEqual(
      findEntry(parseAuthFile(JSON.stringify({ auths }), 'x').auths, { registry, repository })?.credentials,
      expected,
    );
  },
  title: (name) => `auths: ${name}`,
});

const u = { auth: auth('u:p') };
test('a host', entry, { 'reg.com': u }, ['reg.com', 'a'], basic('u', 'p'));
test(
  'a password with colons and other letters',
  entry,
  { 'reg.com': { auth: auth('u:p:ä:') } },
  ['reg.com', 'a'],
  basic('u', 'p:ä:'),
);
test(
  'a password followed by NULs',
  entry,
  { 'reg.com': { auth: auth('u:p\0\0') } },
  ['reg.com', 'a'],
  basic('u', 'p'),
);
test('another host', entry, { 'reg.com': u }, ['other.com', 'a'], undefined);
test('a host that begins alike', entry, { 'reg.com': u }, ['reg.com.evil.org', 'a'], undefined);
test('a host that ends alike', entry, { 'reg.com': u }, ['evilreg.com', 'a'], undefined);
test('a subdomain', entry, { 'reg.com': u }, ['a.reg.com', 'a'], undefined);
test('a host in a path', entry, { 'evil.com/reg.com': u }, ['reg.com', 'a'], undefined);
test('another port', entry, { 'reg.com:5000': u }, ['reg.com:5001', 'a'], undefined);
test('a port that the reference lacks', entry, { 'reg.com:5000': u }, ['reg.com', 'a'], undefined);
test('the default port', entry, { 'GOOD.com:443': u }, ['good.com', 'a'], basic('u', 'p'));
test('the default port of the reference', entry, { 'good.com': u }, ['good.com:443', 'a'], basic('u', 'p'));
test('a URL', entry, { 'https://reg.com': u }, ['reg.com', 'a'], basic('u', 'p'));
test(
  'a URL with the path of the API',
  entry,
  { 'https://reg.com/v2/': u },
  ['reg.com', 'a'],
  basic('u', 'p'),
);
test('Docker Hub', entry, { 'https://index.docker.io/v1/': u }, ['docker.io', 'library/a'], basic('u', 'p'));
test('Docker Hub by its short name', entry, { 'docker.io': u }, ['docker.io', 'library/a'], basic('u', 'p'));
test('a namespace', entry, { 'reg.com/group': u }, ['reg.com', 'group/app'], basic('u', 'p'));
test('a whole repository', entry, { 'reg.com/group/app': u }, ['reg.com', 'group/app'], basic('u', 'p'));
test('another namespace', entry, { 'reg.com/group': u }, ['reg.com', 'other/app'], undefined);
test('a namespace that begins alike', entry, { 'reg.com/group': u }, ['reg.com', 'groups/app'], undefined);
test(
  'the longest path wins',
  entry,
  {
    'reg.com': { auth: auth('a:a') },
    'reg.com/g/x': { auth: auth('c:c') },
    'reg.com/g': { auth: auth('b:b') },
  },
  ['reg.com', 'g/x/y'],
  basic('c', 'c'),
);
test(
  'user name and password in the open',
  entry,
  { 'reg.com': { username: 'u', password: 'p' } },
  ['reg.com', 'a'],
  basic('u', 'p'),
);
test('an identity token', entry, { 'reg.com': { auth: auth('u:'), identitytoken: 't' } }, ['reg.com', 'a'], {
  kind: 'identity',
  token: 't',
});
test('a registry token', entry, { 'reg.com': { registrytoken: 't' } }, ['reg.com', 'a'], {
  kind: 'bearer',
  token: 't',
});
test('a user named <token>', entry, { 'reg.com': { auth: auth('<token>:t') } }, ['reg.com', 'a'], {
  kind: 'identity',
  token: 't',
});
test('an entry without content', entry, { 'reg.com': {} }, ['reg.com', 'a'], undefined);
test(
  'entries of wrong types',
  entry,
  { 'reg.com': 5, 'b.com': null, 'c.com': { auth: 7, username: [] } },
  ['reg.com', 'a'],
  undefined,
);
test('auth without a colon', entry, { 'reg.com': { auth: auth('u') } }, ['reg.com', 'a'], undefined);
test('names of Object.prototype', entry, {}, ['constructor', 'a'], undefined);

for (const [name, text] of [
  ['no JSON', '{"auths": {"reg.com": {"auth": "c2VjcmV0"'],
  ['a list', '["c2VjcmV0"]'],
  ['a string', '"c2VjcmV0"'],
] as const) {
  test(`a file that is ${name} is refused without quoting it`, (t) => {
    const error = t.throws(() => parseAuthFile(text, '"/home/u/.docker/config.json"'), {
      instanceOf: TsbuildError,
    });
    t.is(error?.code, 'auth');
    t.regex(error?.message ?? '', /config\.json/);
    t.false(JSON.stringify([error?.message, error?.hint, String(error?.cause)]).includes('c2Vj'));
  });
}

test('an empty file has no credentials', (t) => {
  t.deepEqual(parseAuthFile(' \n', 'x').auths, []);
});

test('HttpHeaders: what the protocol uses itself is left out', (t) => {
  const headers = {
    'X-Meta': '1',
    Authorization: 'no',
    'content-length': '5',
    Host: 'evil',
    'Bad\nName': 'x',
    Ok: 'a\r\nb',
    Cookie: 'c',
  };
  t.deepEqual(parseAuthFile(JSON.stringify({ HttpHeaders: headers }), 'x').headers, { 'X-Meta': '1' });
});
