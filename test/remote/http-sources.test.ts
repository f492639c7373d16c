/** Downloads: revalidation, checksums, redirects, limits; against a web server on loopback. */
import { readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import type { BuildEvent, Job } from '../../src/progress/event.js';
import { HttpSources, type HttpSourcesOptions } from '../../src/remote/http-sources.js';
import { openStore } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { startFileServer, type FileServer } from '../helpers/file-server.js';
import { startForwardProxy } from '../helpers/forward-proxy.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

type Routes = Parameters<typeof startFileServer>[0];

interface Setup {
  readonly server: FileServer;
  readonly events: BuildEvent[];
  /** A new build on the same store. */
  readonly sources: () => HttpSources;
  readonly blobs: () => Promise<number>;
  readonly forget: (digest: Digest) => Promise<void>;
}

async function setUp(
  t: ExecutionContext,
  routes: Routes,
  more: Partial<HttpSourcesOptions> = {},
): Promise<Setup> {
  const folder = makeScratch('http');
  const server = await startFileServer(routes);
  const store = await openStore(folder);
  const events: BuildEvent[] = [];
  const opened: HttpSources[] = [];
  t.teardown(async () => {
    for (const sources of opened) sources.close();
    await server.close();
    await store.close();
    await removeScratch(folder);
  });
  const job: Job = { signal: new AbortController().signal, emit: (event) => void events.push(event) };
  return {
    server,
    events,
    sources: () => {
      const sources = new HttpSources({ store, job, retries: { attempts: 1, delay: 1 }, ...more });
      opened.push(sources);
      return sources;
    },
    forget: (digest) => store.blobs.delete(digest),
    blobs: async () => {
      let count = 0;
      for await (const _ of store.blobs.list()) count++;
      return count;
    },
  };
}

const checksum = digestOf('hello');

test('a file: digest, name, time and bytes', async (t) => {
  const { server, sources } = await setUp(t, {
    '/a/hello.txt': (_, response) =>
      response.writeHead(200, { 'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT' }).end('hello'),
  });
  const here = sources();
  const file = await here.file({ url: `${server.origin}/a/hello.txt` });
  t.like(file, { digest: checksum, size: 5, name: 'hello.txt', modified: Date.UTC(2015, 9, 21, 7, 28) });
  t.is(await readFile(here.path(file), 'utf8'), 'hello');
  t.is(server.requests[0]?.headers['accept-encoding'], 'identity');
});

test('without Last-Modified the time is 1970', async (t) => {
  const { server, sources } = await setUp(t, { '/x': 'hello' });
  t.is((await sources().file({ url: `${server.origin}/x` })).modified, 0);
});

for (const [header, value, condition] of [
  ['ETag', '"v1"', 'if-none-match'],
  ['ETag', 'W/"v1"', 'if-none-match'],
  ['Last-Modified', 'Wed, 21 Oct 2015 07:28:00 GMT', 'if-modified-since'],
] as const) {
  test(`the next build asks by ${header} ${value}`, async (t) => {
    const { server, sources } = await setUp(t, {
      '/x': (request, response) => {
        const known = request.headers[condition] === value;
        response.writeHead(known ? 304 : 200, { [header]: value }).end(known ? undefined : 'hello');
      },
    });
    const url = `${server.origin}/x`;
    const first = await sources().file({ url });
    t.like(await sources().file({ url }), { digest: checksum, name: 'x', modified: first.modified });
    t.is(server.requests.length, 2);
    t.is(server.requests[1]?.headers[condition], value);
  });
}

test('a file that changed is downloaded again', async (t) => {
  let version = 1;
  const { server, sources } = await setUp(t, {
    '/x': (_, response) => response.writeHead(200, { ETag: `"${version}"` }).end(`v${version}`),
  });
  const url = `${server.origin}/x`;
  t.is((await sources().file({ url })).digest, digestOf('v1'));
  version = 2;
  t.is((await sources().file({ url })).digest, digestOf('v2'));
});

test('a damaged file is downloaded again', async (t) => {
  const { server, sources } = await setUp(t, {
    '/x': (request, response) => {
      const known = request.headers['if-none-match'] === '"1"';
      response.writeHead(known ? 304 : 200, { ETag: '"1"' }).end(known ? undefined : 'hello');
    },
  });
  const here = sources();
  const source = { url: `${server.origin}/x` };
  const file = await here.file(source);
  await here.check(file);
  await writeFile(here.path(file), 'hellO');
  const error = await t.throwsAsync(here.check(file), { instanceOf: TsbuildError });
  t.true(error?.damaged);
  await here.check(await here.file(source));
  t.is(await readFile(here.path(file), 'utf8'), 'hello');
});

test('one build asks once', async (t) => {
  const { server, sources } = await setUp(t, { '/x': 'hello' });
  const here = sources();
  await Promise.all([1, 2, 3].map(() => here.file({ url: `${server.origin}/x` })));
  t.is(server.requests.length, 1);
});

test('a checksum that the store has needs no server', async (t) => {
  const { server, sources } = await setUp(t, { '/x': 'hello' });
  const url = `${server.origin}/x`;
  await sources().file({ url, checksum });
  await sources().file({ url, checksum });
  t.is(server.requests.length, 1);
});

test('another checksum is refused and nothing is kept', async (t) => {
  const { server, sources, blobs } = await setUp(t, { '/x': 'other' });
  const error = await t.throwsAsync(sources().file({ url: `${server.origin}/x`, checksum }));
  t.regex(error?.message ?? '', /not what its checksum says/);
  t.is(await blobs(), 0);
});

test('a body that ends early is refused after it was tried again', async (t) => {
  const { server, sources, blobs } = await setUp(t, {
    '/x': (_, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('short', () => response.destroy());
    },
  });
  await t.throwsAsync(sources().file({ url: `${server.origin}/x` }), { message: /download failed/ });
  t.is(server.requests.length, 2);
  t.is(await blobs(), 0);
});

test('a Content-Encoding is refused', async (t) => {
  const { server, sources } = await setUp(t, {
    '/x': (_, response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('hello'),
  });
  await t.throwsAsync(sources().file({ url: `${server.origin}/x` }), { message: /Content-Encoding/ });
});

for (const announced of [true, false]) {
  test(`the limit counts ${announced ? 'what is announced' : 'what comes'}`, async (t) => {
    const { server, sources, blobs } = await setUp(
      t,
      {
        '/x': (_, response) => {
          if (announced) response.writeHead(200, { 'Content-Length': 101 });
          response.end(Buffer.alloc(101));
        },
        '/y': Buffer.alloc(100),
      },
      { limit: 100 },
    );
    t.is((await sources().file({ url: `${server.origin}/y` })).size, 100);
    await t.throwsAsync(sources().file({ url: `${server.origin}/x` }), { message: /larger than 100 bytes/ });
    t.is(await blobs(), 1);
  });
}

test('an idle server is given up', async (t) => {
  const { server, sources } = await setUp(
    t,
    { '/x': (_, response) => void response.writeHead(200).write('x') },
    { timeouts: { idle: 50 }, retries: { attempts: 0, delay: 1 } },
  );
  await t.throwsAsync(sources().file({ url: `${server.origin}/x` }), { message: /nothing happened/ });
});

test('a server error is tried again, a missing file is not', async (t) => {
  let failures = 1;
  const { server, sources } = await setUp(t, {
    '/x': (_, response) => response.writeHead(failures-- > 0 ? 503 : 200).end('hello'),
  });
  t.is((await sources().file({ url: `${server.origin}/x` })).digest, checksum);
  await t.throwsAsync(sources().file({ url: `${server.origin}/none` }), { message: /answered 404/ });
  t.is(server.requests.length, 3);
});

test('a redirect is followed; credentials stay with their origin', async (t) => {
  const other = await startFileServer({ '/y': 'hello' });
  t.teardown(() => other.close());
  const { server, sources, events } = await setUp(t, {
    '/x': (_, response) => response.writeHead(302, { Location: '/z' }).end(),
    '/z': (_, response) => response.writeHead(302, { Location: `${other.origin}/y` }).end(),
  });
  const url = server.origin.replace('//', '//me:s3cret@');
  const file = await sources().file({ url: `${url}/x` });
  t.is(file.name, 'x');
  const basic = `Basic ${Buffer.from('me:s3cret').toString('base64')}`;
  t.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    [basic, basic],
  );
  t.is(other.requests[0]?.headers.authorization, undefined);
  t.false(JSON.stringify(events).includes('s3cret'));
});

const refusedTargets: readonly (readonly [rule: string, target: string, message: RegExp])[] = [
  ['file', 'file:///etc/passwd', /not http/],
  ['ftp', 'ftp://127.0.0.1/x', /not http/],
  ['data', 'data:text/plain,x', /not http/],
  ['metadata service', 'http://169.254.169.254/', /internal address/],
  ['mapped metadata service', 'http://[::ffff:a9fe:a9fe]/', /internal address/],
  ['nowhere', '', /redirects nowhere/],
  ['no URL', 'http://', /redirects nowhere/],
];
for (const [rule, target, message] of refusedTargets) {
  test(`redirect refused: ${rule}`, async (t) => {
    const { server, sources } = await setUp(t, {
      '/x': (_, response) => response.writeHead(302, target === '' ? {} : { Location: target }).end(),
    });
    await t.throwsAsync(sources().file({ url: `${server.origin}/x` }), { message });
  });
}

test('downloads go through the proxy of the environment', async (t) => {
  const target = await startFileServer({ '/x': 'hello' });
  const proxy = await startForwardProxy({ port: Number(new URL(target.origin).port) });
  t.teardown(() => Promise.all([proxy.close(), target.close()]));
  const { sources } = await setUp(t, {}, { proxy: { http: `http://u:p@${proxy.host}` } });
  t.is((await sources().file({ url: 'http://files.test/x' })).digest, checksum);
  t.deepEqual(
    proxy.asked.map(({ what, authorization }) => [what, authorization]),
    [['GET http://files.test/x', `Basic ${Buffer.from('u:p').toString('base64')}`]],
  );
});

test('another checksum than the remembered file asks for the whole file', async (t) => {
  let content = 'v1';
  const { server, sources } = await setUp(t, {
    '/x': (_, response) => response.writeHead(200, { ETag: '"same"' }).end(content),
  });
  const url = `${server.origin}/x`;
  await sources().file({ url });
  content = 'hello';
  t.is((await sources().file({ url, checksum })).digest, checksum);
  t.is(server.requests[1]?.headers['if-none-match'], undefined);
});

test('a file whose bytes were collected is downloaded again', async (t) => {
  const { server, sources, forget } = await setUp(t, {
    '/x': (_, response) => response.writeHead(200, { ETag: '"1"' }).end('hello'),
  });
  const url = `${server.origin}/x`;
  await sources().file({ url });
  await forget(checksum);
  await sources().file({ url, checksum });
  t.is(server.requests[1]?.headers['if-none-match'], undefined);
});

test('endless redirects end', async (t) => {
  const { server, sources } = await setUp(t, {
    '/x': (_, response) => response.writeHead(302, { Location: '/x' }).end(),
  });
  await t.throwsAsync(sources().file({ url: `${server.origin}/x` }), { message: /more than 10 times/ });
  t.is(server.requests.length, 11);
});

test('what is no http URL is refused', async (t) => {
  const { sources } = await setUp(t, {});
  await t.throwsAsync(sources().file({ url: 'file:///etc/passwd' }), { message: /no http URL/ });
});
