/** Signing in: what registries and token servers can do wrong, and who must not see credentials. */
import test, { type ExecutionContext } from 'ava';
import type { Credentials } from '../../src/registry/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { faults, startFaultServer, type FaultServer, type Rule } from '../helpers/fault-server.js';
import { answer, failure, type ApiAnswer, type ApiRequest } from '../helpers/memory-registry.js';
import {
  collect,
  descriptorFor,
  fixedCredentials,
  memoryBlob,
  noise,
  quickClient,
  recordedJob,
} from '../helpers/registry-values.js';

const user: Credentials = { kind: 'basic', username: 'user', password: 'pass-word-1' };
const bytes = noise(1000);
const descriptor = descriptorFor(bytes);

interface SignIn {
  /** What the challenge says instead of the right thing. */
  readonly challenge?: (origin: string) => string;
  /** The token server's answer instead of a new token. */
  readonly token?: (count: number, request: ApiRequest) => ApiAnswer;
  readonly rules?: readonly Rule[];
  /** How often a token is accepted. */
  readonly uses?: number;
  readonly credentials?: Credentials | undefined;
}

/** A registry that wants the newest token of its token server, which is on the same port below /token. */
async function setUp(t: ExecutionContext, signIn: SignIn = {}) {
  let issued = 0;
  let uses = 0;
  const before = (request: ApiRequest): ApiAnswer | undefined => {
    if (request.url.pathname === '/token') {
      uses = 0;
      return signIn.token?.(++issued, request) ?? json({ token: `token-${++issued}`, expires_in: 300 });
    }
    const right =
      request.headers.authorization === `Bearer token-${issued}` && ++uses <= (signIn.uses ?? Infinity);
    if (right) return undefined;
    const origin = `http://${request.headers.host}`;
    const challenge =
      signIn.challenge?.(origin) ??
      `Bearer realm="${origin}/token",service="tests",scope="repository:a:pull"`;
    return {
      ...failure(401, 'UNAUTHORIZED'),
      headers: challenge === '' ? {} : { 'WWW-Authenticate': challenge },
    };
  };
  const server = await startFaultServer({
    before,
    ...(signIn.rules === undefined ? {} : { rules: signIn.rules }),
  });
  const client = quickClient({
    credentials: fixedCredentials('credentials' in signIn ? signIn.credentials : user),
  });
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  server.registry.addBlob('a', bytes);
  const where = { registry: server.host, repository: 'a' };
  return { server, client, where, pull: () => collect(client.openBlob(where, descriptor, recordedJob())) };
}

function json(value: unknown): ApiAnswer {
  return answer(200, { 'Content-Type': 'application/json' }, Buffer.from(JSON.stringify(value)));
}

function tokensAsked(server: FaultServer): number {
  return server.requests(undefined, /^\/token/).length;
}

const works = test.macro({
  async exec(t, signIn: SignIn, expected: { readonly tokens?: number } = {}) {
    const { server, pull } = await setUp(t, signIn);
    t.true((await pull()).equals(bytes));
    if (expected.tokens !== undefined) t.is(tokensAsked(server), expected.tokens);
  },
  title: (name) => `signs in: ${name}`,
});

test('with a password', works, {}, { tokens: 1 });
test('anonymously', works, { credentials: undefined }, { tokens: 1 });
test('with an identity token', works, { credentials: { kind: 'identity', token: 'id' } }, { tokens: 1 });
test('with a challenge without a scope', works, { challenge: (origin) => `Bearer realm="${origin}/token"` });
test('with Basic beside Bearer', works, {
  challenge: (origin) => `Basic realm="x", Bearer realm="${origin}/token"`,
});
test('with the token as access_token', works, { token: (n) => json({ access_token: `token-${n}` }) });
test('with a realm that has a query', works, {
  challenge: (origin) => `Bearer realm="${origin}/token?account=x&a=b%20c"`,
});
for (const life of [-1, 0, 1e18, 'abc', null, '60', 0.5]) {
  test(`with expires_in ${JSON.stringify(life)}`, works, {
    token: (n) => json({ token: `token-${n}`, expires_in: life }),
  });
}
test(
  'after the token server failed once',
  works,
  { rules: [{ path: /^\/token/, nth: [1], fault: faults.status(503) }] },
  { tokens: 2 },
);
test(
  'after a redirect of the token server to itself',
  works,
  { rules: [{ path: /^\/token/, nth: [1], fault: faults.redirect('/token?x') }] },
  { tokens: 2 },
);

test('the request for a token names service, scope and account', async (t) => {
  const { server, pull } = await setUp(t);
  await pull();
  const asked = new URL(server.requests('GET', /^\/token/)[0]?.path ?? '', 'http://x');
  t.deepEqual(
    [...asked.searchParams],
    [
      ['service', 'tests'],
      ['scope', 'repository:a:pull'],
      ['account', 'user'],
    ],
  );
});

test('scopes of other repositories in a challenge are not asked for', async (t) => {
  const { server, pull } = await setUp(t, {
    challenge: (origin) =>
      `Bearer realm="${origin}/token",scope="repository:secret:pull,push,delete repository:a:pull registry:catalog:*"`,
  });
  await pull();
  const asked = new URL(server.requests('GET', /^\/token/)[0]?.path ?? '', 'http://x');
  t.deepEqual(asked.searchParams.getAll('scope'), ['registry:catalog:*', 'repository:a:pull']);
});

test('twenty requests at once ask for one token', async (t) => {
  const { server, client, where, pull } = await setUp(t);
  await pull();
  await Promise.all(Array.from({ length: 20 }, () => client.blobExists(where, descriptor.digest)));
  t.is(tokensAsked(server), 1);
});

test('a token that is revoked is replaced', async (t) => {
  const { server, client, where } = await setUp(t, { uses: 3 });
  for (let i = 0; i < 10; i++) t.true(await client.blobExists(where, descriptor.digest));
  t.is(tokensAsked(server), 4);
});

test('a token that is revoked in the middle of a push is replaced, and the push goes on', async (t) => {
  const { server, client, where } = await setUp(t, { uses: 2 });
  const blob = memoryBlob(noise(500_000, 3));
  t.is(await client.pushBlob(where, blob, recordedJob(), 's'), 'uploaded');
  t.true(server.registry.blobs.has(`a@${blob.descriptor.digest}`));
});

test('a registry token is sent as it is', async (t) => {
  const { server, pull } = await setUp(t, { credentials: { kind: 'bearer', token: 'token-0' } });
  t.true((await pull()).equals(bytes));
  t.is(tokensAsked(server), 0);
});

interface Refused {
  readonly message: RegExp;
  /** Requests to the registry at most. */
  readonly requests?: number;
  readonly tokens?: number;
  readonly code?: 'auth' | 'registry';
}

const refused = test.macro({
  async exec(t, signIn: SignIn, expected: Refused) {
    const { server, pull } = await setUp(t, signIn);
    const error = await t.throwsAsync(pull(), { instanceOf: TsbuildError });
    t.is(error?.code, expected.code ?? 'auth');
    t.regex(error?.message ?? '', expected.message);
    t.notRegex(`${error?.message} ${error?.hint}`, /pass-word-1|dXNlcjpwYXNzLXdvcmQtMQ/);
    t.notRegex(error?.message ?? '', /\p{Cc}/u);
    t.true(server.requests(undefined, /^\/v2\/a/).length <= (expected.requests ?? 1));
    if (expected.tokens !== undefined) t.is(tokensAsked(server), expected.tokens);
  },
  title: (name) => `refused: ${name}`,
});

test('401 for every token', refused, { uses: 0 }, { message: /401/, requests: 3, tokens: 2 });
test(
  '401 without a challenge',
  refused,
  { challenge: () => '' },
  { message: /without saying how/, tokens: 0 },
);
test(
  '401 with a scheme that nobody knows',
  refused,
  { challenge: () => 'Negotiate' },
  { message: /without saying how/, tokens: 0 },
);
let realms = 0;
test(
  'another realm each time',
  refused,
  { uses: 0, challenge: (origin) => `Bearer realm="${origin}/token?${++realms}"` },
  { message: /401/, requests: 3, tokens: 2 },
);
test(
  'Basic without a password of ours',
  refused,
  { challenge: () => 'Basic realm="x"', credentials: undefined },
  { message: /wants a user name/ },
);
test(
  'a password that is refused by Basic',
  refused,
  { challenge: () => 'Basic realm="x"' },
  { message: /refused the user name/, requests: 2 },
);
test(
  'the token server refuses the password',
  refused,
  { token: () => failure(401, 'UNAUTHORIZED', 'no pass-word-1') },
  { message: /cannot sign in to .*401.*no …/, tokens: 1 },
);
test('the token server forbids', refused, { token: () => failure(403, 'DENIED') }, { message: /403/ });
test(
  'the token server does not exist',
  refused,
  { token: () => failure(404, 'X') },
  { message: /404/, code: 'registry' },
);
test(
  'the token server fails without end',
  refused,
  { rules: [{ path: /^\/token/, fault: faults.status(500) }] },
  { message: /500/, requests: 5, code: 'registry' },
);
test(
  'an answer that is no JSON',
  refused,
  { token: () => answer(200, {}, Buffer.from('<html>')) },
  { message: /no token/ },
);
test('an answer that is a list', refused, { token: () => json(['x']) }, { message: /no token/ });
test('a token that is a number', refused, { token: () => json({ token: 5 }) }, { message: /no token/ });
test('an empty token', refused, { token: () => json({ token: '' }) }, { message: /no token/ });
test(
  'a token with a line break',
  refused,
  { token: () => json({ token: 'x\r\nHost: evil' }) },
  { message: /no token/ },
);
test(
  'a token with letters beyond ASCII',
  refused,
  { token: () => json({ token: 'ä' }) },
  { message: /no token/ },
);
test(
  'a token of 300 kB',
  refused,
  { token: () => json({ token: 'x'.repeat(300_000) }) },
  { message: /no token/ },
);
test(
  'an answer of 2 MB',
  refused,
  { token: () => json({ token: 'x', pad: 'x'.repeat(2_000_000) }) },
  { message: /too long/ },
);
test(
  'an answer nested very deep',
  refused,
  { token: () => answer(200, {}, Buffer.from('['.repeat(500_000))) },
  { message: /no token/ },
);
test(
  'an endless answer',
  refused,
  { rules: [{ path: /^\/token/, fault: { kind: 'endless' } }] },
  { message: /too long/ },
);
for (const [realm, message] of [
  ['file:///etc/passwd', /no token server/],
  ['gopher://x', /no token server/],
  ['/token', /no token server/],
  ['', /no token server|without saying/],
  ['http://169.254.169.254/token', /plain http|internal/],
  ['https://169.254.169.254/token', /internal address/],
  ['https://[::ffff:169.254.169.254]/token', /internal address/],
  ['https://[fe80::1]/token', /internal address/],
  ['https://0.0.0.0/token', /internal address/],
  ['http://example.com/token', /plain http/],
  ['https://u:p@example.com/token', /user name in it/],
  ['https://[', /unreadable/],
  [`https://example.com/${'x'.repeat(9000)}`, /too long/],
] as const) {
  test(
    `realm ${JSON.stringify(realm.slice(0, 50))}`,
    refused,
    { challenge: () => `Bearer realm="${realm}"` },
    {
      message,
      tokens: 0,
      ...(message.source.includes('no token server') ? {} : { code: 'registry' as const }),
    },
  );
}
for (const location of ['https://169.254.169.254/', 'http://example.com/', 'file:///x', '']) {
  test(
    `the token server redirects to ${JSON.stringify(location)}`,
    refused,
    { rules: [{ path: /^\/token/, fault: faults.redirect(location) }] },
    {
      message: /internal|plain http|not http|without saying/,
      code: 'registry',
      tokens: 1,
    },
  );
}

test('a redirect of the token server to another port loses the password', async (t) => {
  const other = await startFaultServer({ before: () => json({ token: 'token-0' }) });
  t.teardown(() => other.close());
  const { pull } = await setUp(t, {
    rules: [{ path: /^\/token/, fault: faults.redirect(`${other.origin}/elsewhere`) }],
  });
  t.true((await pull()).equals(bytes));
  t.is(other.seen.length, 1);
  t.is(other.seen[0]?.headers.authorization, undefined);
});

test('401 from the storage that a registry redirects to is answered with nothing', async (t) => {
  const storage = await startFaultServer({
    before: ({ headers }) => ({
      ...failure(401, 'X'),
      headers: { 'WWW-Authenticate': `Bearer realm="http://${headers.host}/steal"` },
    }),
  });
  t.teardown(() => storage.close());
  const { pull } = await setUp(t, {
    rules: [{ path: /\/blobs\//, nth: [2], fault: faults.redirect(`${storage.origin}/x`) }],
  });
  await t.throwsAsync(pull(), { instanceOf: TsbuildError, code: 'auth' });
  t.deepEqual(
    storage.seen.map(({ path, headers }) => [path, headers.authorization]),
    [['/x', undefined]],
  );
});

test('credentials and tokens of one registry are not shown to another', async (t) => {
  const [one, two] = [
    await startFaultServer({ before: bearerOf('one') }),
    await startFaultServer({ before: bearerOf('two') }),
  ];
  const credentials = {
    find: ({ registry }: { registry: string }) =>
      Promise.resolve<Credentials | undefined>({
        kind: 'basic',
        username: 'u',
        password: registry === one.host ? 'first' : 'second',
      }),
    headers: () => Promise.resolve({}),
  };
  const client = quickClient({ credentials });
  for (const close of [() => one.close(), () => two.close(), () => client.close()]) t.teardown(close);
  for (const { host, registry } of [one, two]) {
    registry.addBlob('a', bytes);
    t.true(await client.blobExists({ registry: host, repository: 'a' }, descriptor.digest));
  }
  t.deepEqual(authorizationsOf(one), ['Basic dTpmaXJzdA==', 'Bearer one']);
  t.deepEqual(authorizationsOf(two), ['Basic dTpzZWNvbmQ=', 'Bearer two']);
});

test('repositories with other credentials get other tokens', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = await startFaultServer({
    before: (request) => {
      if (request.url.pathname === '/token')
        return json({
          token: Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64')
            .toString()
            .split(':')[0],
        });
      seen.push(request.headers.authorization);
      return request.headers.authorization === undefined ? bearerOf('x')(request) : undefined;
    },
  });
  const credentials = {
    find: ({ repository }: { repository: string }) =>
      Promise.resolve<Credentials | undefined>({
        kind: 'basic',
        username: `user-of-${repository}`,
        password: 'p',
      }),
    headers: () => Promise.resolve({}),
  };
  const client = quickClient({ credentials });
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  for (const repository of ['a', 'b'])
    await client.blobExists({ registry: server.host, repository }, descriptor.digest);
  t.deepEqual(seen, [undefined, 'Bearer user-of-a', 'Bearer user-of-b']);
});

function bearerOf(token: string) {
  return (request: ApiRequest): ApiAnswer | undefined => {
    if (request.url.pathname === '/token') return json({ token });
    if (request.headers.authorization === `Bearer ${token}`) return undefined;
    return {
      ...failure(401, 'X'),
      headers: { 'WWW-Authenticate': `Bearer realm="http://${request.headers.host}/token"` },
    };
  };
}

function authorizationsOf({ seen }: FaultServer): readonly string[] {
  return seen.flatMap(({ headers }) => headers.authorization ?? []);
}
