/** Who gets which credentials: secrets by BuildKit's names, sent to their host alone and never without TLS. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GitSources } from '../../src/remote/git-sources.js';
import { parseGitUrl } from '../../src/remote/git-url.js';
import { HttpFetcher } from '../../src/remote/http-fetch.js';
import { gitAuthorization, httpAuthorization } from '../../src/remote/source-secrets.js';
import { startFileServer } from '../helpers/file-server.js';
import { startGitHttpServer } from '../helpers/git-http-server.js';
import { hasGit, startGitServer } from '../helpers/git-server.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const secretsOf = (values: Readonly<Record<string, string>>) =>
  new Map(Object.entries(values).map(([id, value]) => [id, Buffer.from(value)]));
type Row = readonly [
  rule: string,
  url: string,
  secrets: Readonly<Record<string, string>>,
  header: string | undefined,
];

const downloads: readonly Row[] = [
  ['a token of the host', 'https://h/x', { HTTP_AUTH_TOKEN_h: 't' }, 'Bearer t'],
  ['a header of the host', 'https://h/x', { HTTP_AUTH_HEADER_h: 'Basic x' }, 'Basic x'],
  [
    'the header goes before the token',
    'https://h/x',
    { HTTP_AUTH_TOKEN_h: 't', HTTP_AUTH_HEADER_h: 'x' },
    'x',
  ],
  ['another host gets nothing', 'https://h.evil/x', { HTTP_AUTH_TOKEN_h: 't' }, undefined],
  ['the port does not count', 'https://h:8443/x', { HTTP_AUTH_TOKEN_h: 't' }, 'Bearer t'],
  ['nothing without TLS', 'http://h/x', { HTTP_AUTH_TOKEN_h: 't' }, undefined],
  ['this machine needs no TLS', 'http://127.0.0.1/x', { 'HTTP_AUTH_TOKEN_127.0.0.1': 't' }, 'Bearer t'],
  ['the newline of a file', 'https://h/x', { HTTP_AUTH_TOKEN_h: 't\n' }, 'Bearer t'],
  ['another header cannot be smuggled in', 'https://h/x', { HTTP_AUTH_TOKEN_h: 't\r\nX: y' }, undefined],
  ['an empty secret', 'https://h/x', { HTTP_AUTH_TOKEN_h: '' }, undefined],
];
for (const [rule, url, secrets, header] of downloads) {
  test(`download: ${rule}`, (t) => t.is(httpAuthorization(secretsOf(secrets))(new URL(url)), header));
}

const repositories: readonly Row[] = [
  ['a token', 'https://h/r.git', { GIT_AUTH_TOKEN: 't' }, basic('x-access-token:t')],
  ['a header', 'https://h/r.git', { GIT_AUTH_HEADER: 'Bearer x' }, 'Bearer x'],
  [
    'that of the host comes first',
    'https://h/r.git',
    { GIT_AUTH_TOKEN: 'all', 'GIT_AUTH_TOKEN.h': 't' },
    basic('x-access-token:t'),
  ],
  ['another host gets nothing', 'https://other/r.git', { 'GIT_AUTH_TOKEN.h': 't' }, undefined],
  ['nothing without TLS', 'http://h/r.git', { GIT_AUTH_TOKEN: 't' }, undefined],
];
for (const [rule, url, secrets, header] of repositories) {
  test(`repository: ${rule}`, (t) => t.is(gitAuthorization(secretsOf(secrets))(new URL(url)), header));
}

const job = { signal: new AbortController().signal, emit: () => undefined };

test('a download signs in, and user information of the URL goes first', async (t) => {
  const server = await startFileServer({ '/x': 'x' });
  const fetcher = new HttpFetcher({ authorize: () => 'Bearer t' });
  t.teardown(async () => {
    fetcher.close();
    await server.close();
  });
  for (const origin of [server.origin, server.origin.replace('//', '//me:pw@')])
    await fetcher.discard(await fetcher.get(new URL(`${origin}/x`), {}, job));
  t.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    ['Bearer t', basic('me:pw')],
  );
});

function gitSources(t: ExecutionContext): GitSources {
  const scratch = makeScratch('git-secrets');
  t.teardown(() => removeScratch(scratch));
  return new GitSources({
    environment: { path: process.env['PATH'] },
    folder: () => mkdtemp(join(scratch, 'x')),
    job,
    authorize: gitAuthorization(secretsOf({ GIT_AUTH_TOKEN: 's3cret' })),
  });
}

(hasGit ? test : test.skip)(
  'git signs in at the named host, and at no other that it is sent to',
  async (t) => {
    // protocol version 2: what is asked next goes to the other server alone
    const refs =
      '001e# service=git-upload-pack\n0000000eversion 2\n000cagent=x\n000cls-refs\n000afetch\n0000';
    const other = await startFileServer({
      '/r.git/info/refs': (_, response) =>
        response.writeHead(200, { 'Content-Type': 'application/x-git-upload-pack-advertisement' }).end(refs),
    });
    const server = await startFileServer({
      '/r.git/info/refs': (request, response) =>
        response.writeHead(302, { Location: `${other.origin}${request.url ?? ''}` }).end(),
    });
    t.teardown(() => Promise.all([server.close(), other.close()]));
    const url = `${server.origin}/r.git`;
    const error = await t.throwsAsync(gitSources(t).commit(parseGitUrl(url)));
    t.false(error?.message.includes('s3cret'));
    t.is(server.requests[0]?.headers.authorization, basic('x-access-token:s3cret'));
    t.is(other.requests.length, 0);
  },
);

(hasGit ? test : test.skip)('a repository of a server that asks for a token', async (t) => {
  const repositories = await startGitServer();
  const made = await repositories.repository('private.git');
  await made.commit({ a: 'A', 'sub/b': 'B' });
  const server = await startGitHttpServer(repositories.folder, basic('x-access-token:s3cret'));
  t.teardown(() => Promise.all([server.close(), repositories.close()]));
  const url = `${server.origin}/private.git`;
  const { files } = await gitSources(t).checkout(parseGitUrl(`${url}#main:sub`));
  t.deepEqual([...files.tree.entries.keys()], ['b']);
  const wrong = url.replace('//', '//me:wr0ng@');
  const error = await t.throwsAsync(gitSources(t).commit(parseGitUrl(wrong)), {
    message: /git ls-remote failed/,
  });
  t.notRegex(error?.message ?? '', /wr0ng|s3cret/);
});
