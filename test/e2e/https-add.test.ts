/** ADD over TLS: whom it trusts, where redirects may lead, who sees credentials. The authority is made here. */
import { existsSync, readFileSync } from 'node:fs';
import anyTest, { type TestFn } from 'ava';
import { startFileServer, type FileServer } from '../helpers/file-server.js';
import { filesBelow } from '../helpers/local-tree.js';
import { createCertificate } from '../helpers/registry-server.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

interface Fixture {
  readonly folder: string;
  readonly authority: string;
  readonly plain: FileServer;
  readonly other: FileServer;
  readonly secure: FileServer;
}

const test = anyTest as TestFn<Fixture>;
const it = hasCommandLine && existsSync('/usr/bin/openssl') ? test.serial : test.serial.skip;

test.before(async (t) => {
  if (!existsSync('/usr/bin/openssl')) return;
  const folder = makeScratch('tls');
  const { authority, certificate, key } = await createCertificate(folder);
  const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
  const plain = await startFileServer({ '/f': 'plain' });
  const other = await startFileServer({ '/f': 'other' }, tls);
  const redirects: Record<string, string> = {
    '/same': '/f',
    '/other': `${other.origin}/f`,
    '/plain': `${plain.origin}/f`,
    '/twice': '/plain',
  };
  const routes = Object.entries(redirects).map(([path, location]): [string, RedirectAnswer] => [
    path,
    (_, response) => response.writeHead(302, { Location: location }).end(),
  ]);
  const secure = await startFileServer({ '/f': 'secure', ...Object.fromEntries(routes) }, tls);
  t.context = { folder, authority, plain, other, secure };
});
type RedirectAnswer = Extract<Parameters<typeof startFileServer>[0][string], (...args: never) => unknown>;

test.after.always(async ({ context }) => {
  const { folder, plain, other, secure }: Partial<Fixture> = context;
  for (const server of [plain, other, secure]) await server?.close();
  if (folder !== undefined) await removeScratch(folder);
});

interface Download {
  readonly path: string;
  /** Text of the file, or what is said instead. */
  readonly gives: string | RegExp;
  /** The authority is not known. */
  readonly strange?: true;
  /** Before the host in the URL. */
  readonly user?: string;
}

const adds = test.macro({
  async exec(t, { path, gives, strange, user = '' }: Download) {
    const { secure, authority } = t.context;
    const workspace = makeWorkspace('https');
    t.teardown(() => workspace.remove());
    workspace.write({
      Dockerfile: `FROM scratch\nADD ${secure.origin.replace('//', `//${user}`)}${path} /f\n`,
    });
    const env = strange === true ? {} : { NODE_EXTRA_CA_CERTS: authority };
    const ended = await workspace.tsbuild(['--progress=plain', '--retry=0', '-o', 'out', '.'], { env });
    if (typeof gives === 'string') {
      t.is(ended.code, 0, ended.output);
      t.deepEqual(filesBelow(workspace.path('out')), { f: gives });
    } else {
      t.is(ended.code, 1, ended.output);
      t.regex(ended.stderr, gives);
      t.regex(ended.stderr, /Dockerfile:2/);
    }
  },
  title: (title = '') => `https: ${title}`,
});

it('a server with a certificate of a known authority', adds, { path: '/f', gives: 'secure' });
it('an unknown authority is refused', adds, { path: '/f', gives: /certificate|authority/, strange: true });
it('a redirect within the server', adds, { path: '/same', gives: 'secure' });
it('a redirect to another https server', adds, { path: '/other', gives: 'other' });
it('a redirect to http is refused', adds, { path: '/plain', gives: /redirects from https to http/ });
it('a redirect to http behind another is refused', adds, {
  path: '/twice',
  gives: /redirects from https to http/,
});

it('https: credentials stay with the server that the URL names', async (t) => {
  const { secure, other, authority } = t.context;
  const workspace = makeWorkspace('https');
  t.teardown(() => workspace.remove());
  const origin = secure.origin.replace('//', '//me:s3cret@');
  workspace.write({ Dockerfile: `FROM scratch\nADD ${origin}/other?credentials /f\n` });
  const env = { NODE_EXTRA_CA_CERTS: authority };
  const ended = await workspace.tsbuild(['--progress=plain', '-o', 'out', '.'], { env });
  t.is(ended.code, 0, ended.output);
  const [asked] = secure.requests.filter(({ path }) => path.endsWith('?credentials'));
  t.regex(asked?.headers.authorization ?? '', /^Basic /);
  t.deepEqual(
    other.requests.filter(({ headers }) => headers.authorization !== undefined),
    [],
  );
});

it('https: nothing was asked of the http server', (t) => {
  t.deepEqual(t.context.plain.requests, []);
});
