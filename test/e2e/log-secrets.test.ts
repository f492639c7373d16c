/** LOG-01: what is given to a build in confidence is in nothing that it prints, makes, keeps or sends elsewhere. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { answer, failure, type ApiRequest } from '../helpers/memory-registry.js';
import { startFaultServer } from '../helpers/fault-server.js';
import { startFileServer } from '../helpers/file-server.js';
import { startGitHttpServer } from '../helpers/git-http-server.js';
import type { Declare } from '../helpers/modes.js';
import { findProgram, missingOf } from '../helpers/programs.js';
import { findSecrets, type Scanned } from '../helpers/scan-secrets.js';
import { printed, StepSite, stepTest } from './step-site.js';

const site = await StepSite.open('log-secrets');
test.after.always(() => site.close());
const it: Declare = missingOf(['git', 'ssh-keygen', 'zstd', 'gzip']).length === 0 ? stepTest : test.skip;

/** With characters that the encodings write differently. */
const random = (): string => `S3c/+"${randomBytes(15).toString('base64')}`;
/** For places where other characters have a meaning. */
const word = (): string => randomBytes(15).toString('hex');
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

function everyFile(folder: string): Scanned[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name): Scanned[] => {
    const path = join(folder, name);
    const status = lstatSync(path);
    if (status.isDirectory()) return everyFile(path);
    return status.isFile() ? [[path, readFileSync(path)]] : [];
  });
}

/** A private registry with sign-in by tokens, which redirects one blob to a place with a signed query. */
function startPrivateRegistry(secrets: Readonly<Record<string, string>>) {
  const tokens = (url: URL, request: ApiRequest) =>
    request.headers.authorization === basic(`me:${secrets['registry password']}`) ||
    request.body.includes(secrets['identity token'] ?? '-')
      ? answer(
          200,
          { 'Content-Type': 'application/json' },
          Buffer.from(JSON.stringify({ token: secrets['registry token'] })),
        )
      : failure(401, 'UNAUTHORIZED', String(url));
  return startFaultServer({
    before: (request) => {
      const host = String(request.headers.host);
      if (request.url.pathname === '/token') return tokens(request.url, request);
      if (request.headers.authorization === `Bearer ${secrets['registry token']}`) return undefined;
      const challenge = `Bearer realm="http://${host}/token",service="s"`;
      return { ...failure(401, 'UNAUTHORIZED'), headers: { 'WWW-Authenticate': challenge } };
    },
  });
}

it('LOG-01: 20 secrets are nowhere: output of every kind, image, history, cache, store, registry, errors', async (t) => {
  t.timeout(180_000);
  const { workspace } = site;
  execFileSync(findProgram('ssh-keygen') ?? '', [
    '-q',
    '-N',
    '',
    '-t',
    'ed25519',
    '-f',
    workspace.path('key'),
  ]);
  const keyLines = readFileSync(workspace.path('key'), 'utf8').split('\n').slice(2, -2);
  const secrets: Record<string, string> = {
    'secret file': random(),
    'secret variable': random(),
    'secret of several lines': `${random()}\n${random()}`,
    'registry password': random(),
    'registry token': word(),
    'identity token': word(),
    'URL password of a file': word(),
    'header of a file': word(),
    'token of a repository': word(),
    'signature of a redirect': word(),
    cookie: word(),
    'proxy of the build': word(),
    'proxy of the builder': word(),
    'unused argument': random(),
    'CI token': word(),
    'job token': word(),
    'cloud secret': random(),
    'unused secret': random(),
    'other registry': random(),
    'SSH key': keyLines.join('\n'),
  };
  const of = (name: string): string => secrets[name] ?? '';
  const registry = await startPrivateRegistry(secrets);
  const files = await startFileServer({
    '/private': (request, response) => {
      const given = request.headers.authorization;
      const known = [basic(`me:${of('URL password of a file')}`), `Bearer ${of('header of a file')}`];
      if (!known.includes(given ?? '')) return void response.writeHead(401).end();
      response
        .writeHead(302, {
          Location: `/signed?X-Amz-Signature=${of('signature of a redirect')}`,
          'Set-Cookie': `session=${of('cookie')}`,
        })
        .end();
    },
    '/signed': 'content\n',
  });
  execFileSync('git', ['init', '-q', '-b', 'main', workspace.path('repositories/r.git')]);
  workspace.write({ 'repositories/r.git/file': 'from git\n' });
  const git = ['-C', workspace.path('repositories/r.git'), '-c', 'user.name=x', '-c', 'user.email=x@x'];
  execFileSync('git', [...git, 'add', '.']);
  execFileSync('git', [...git, 'commit', '-qm', 'x']);
  const repositories = await startGitHttpServer(
    workspace.path('repositories'),
    basic(`x-access-token:${of('token of a repository')}`),
  );
  t.teardown(() => Promise.all([registry.close(), files.close(), repositories.close()]));

  const auths = {
    [registry.host]: { auth: Buffer.from(`me:${of('registry password')}`).toString('base64') },
    'registry.example': { auth: Buffer.from(`me:${of('other registry')}`).toString('base64') },
    'identity.example': { identitytoken: of('identity token') },
  };
  workspace.write({
    'docker/config.json': JSON.stringify({ auths }),
    's/file': `${of('secret file')}\n`,
    's/lines': of('secret of several lines'),
  });
  const env = {
    DOCKER_CONFIG: workspace.path('docker'),
    SECRET_VARIABLE: of('secret variable'),
    UNUSED: of('unused secret'),
    GITHUB_TOKEN: of('CI token'),
    CI_JOB_TOKEN: of('job token'),
    AWS_SECRET_ACCESS_KEY: of('cloud secret'),
    HTTPS_PROXY: `http://me:${of('proxy of the builder')}@127.0.0.1:9`,
    NO_PROXY: '127.0.0.1',
    GIT_TOKEN: of('token of a repository'),
    FILE_TOKEN: of('header of a file'),
  };
  const fileUrl = files.origin.replace('//', `//me:${of('URL password of a file')}@`);
  const dockerfile = (last: string): string => `FROM base AS first
RUN --mount=type=secret,id=file --mount=type=secret,id=var,env=TOKEN set -x; cat /run/secrets/file; echo "$TOKEN"; env; cat /proc/*/cmdline; true
RUN --mount=type=ssh true
RUN --mount=type=secret,id=file cut -c 1-12 /run/secrets/file | tr -d '\\n'; sleep 0.05; cut -c 13- /run/secrets/file
ADD ${files.origin}/private /downloaded
ADD ${repositories.origin}/r.git /cloned
FROM base
COPY --from=first /downloaded /cloned /
RUN --mount=type=secret,id=lines cat /run/secrets/lines >&2; test -n "$HTTP_PROXY"; ${last}`;
  const common = [
    'id=file,src=s/file',
    'id=var,env=SECRET_VARIABLE',
    'id=lines,src=s/lines',
    'id=unused,env=UNUSED',
    'id=GIT_AUTH_TOKEN,env=GIT_TOKEN',
    'id=HTTP_AUTH_TOKEN_127.0.0.1,env=FILE_TOKEN',
  ].flatMap((value) => ['--secret', value]);
  const args = [
    ...common,
    '--ssh',
    `default=${workspace.path('key')}`,
    '--build-arg',
    `GIVEN=${of('unused argument')}`,
    '--build-arg',
    `HTTP_PROXY=http://me:${of('proxy of the build')}@127.0.0.1:9/`,
    '--metadata-file',
    'meta.json',
    '--iidfile',
    'iid',
    '--cache-to',
    'type=local,dest=cache-out',
    '--cache-to',
    `type=registry,ref=${registry.host}/cache`,
  ];
  const outputs: Scanned[] = [];
  const build = async (name: string, text: string, more: readonly string[]): Promise<number> => {
    const { argv } = site.prepare(text, { args: [...args, ...more] });
    const { code, output } = await workspace.tsbuild(argv, { env });
    outputs.push([`output of ${name}`, Buffer.from(output)]);
    outputs.push([
      `joined output of ${name}`,
      Buffer.from(printed({ output } as never).replaceAll('\n', '')),
    ]);
    return code;
  };
  const name = `${registry.host}/app:1`;
  const outs = ['-t', name, '--push', '-o', 'type=oci,dest=image.tar', '-o', 'type=docker,dest=docker.tar'];
  t.is(await build('a build', dockerfile('true'), outs), 0, outputs.at(-2)?.[1].toString());
  t.is(
    await build('a build with zstd', dockerfile('true # again'), [
      '-o',
      'type=oci,dest=zstd.tar,compression=zstd',
    ]),
    0,
    outputs.at(-2)?.[1].toString(),
  );
  for (const progress of ['plain', 'tty', 'rawjson', 'quiet']) {
    const code = await build(progress, dockerfile('cat /run/secrets/lines; exit 3'), [
      '--progress',
      progress,
      '--no-cache',
    ]);
    t.is(code, 4, progress);
  }
  const urls = `FROM base\nADD ${fileUrl}/private /a\nADD ${repositories.origin.replace('//', `//x-access-token:${of('token of a repository')}@`)}/r.git /b\n`;
  t.is(
    await build('URLs with passwords', urls, ['-o', 'type=oci,dest=urls.tar']),
    0,
    outputs.at(-2)?.[1].toString(),
  );
  await build('a registry that refuses', `FROM ${registry.host}/absent:1\n`, []);
  await build('a file that is not there', `FROM base\nADD ${fileUrl}/absent /a\n`, []);
  await build('a proxy that is not there', 'FROM registry.invalid/x:1\n', []);
  t.true(registry.seen.some(({ headers }) => headers.authorization === `Bearer ${of('registry token')}`));

  const sent = [
    ...registry.registry.blobs,
    ...[...registry.registry.manifests].map(([key, { bytes }]) => [key, bytes] as const),
  ];
  const places: Scanned[] = [
    ...outputs,
    ...['meta.json', 'iid', 'image.tar', 'docker.tar', 'zstd.tar', 'urls.tar'].map((file): Scanned => [
      file,
      readFileSync(workspace.path(file)),
    ]),
    ...everyFile(workspace.path('cache-out')),
    ...sent.map(([key, bytes]): Scanned => [`sent ${key}`, bytes]),
    ...everyFile(workspace.store),
    ...readdirSync(tmpdir())
      .filter((entry) => entry.startsWith('tsbuild-agent'))
      .flatMap((entry) => everyFile(join(tmpdir(), entry))),
  ];
  // What a step prints of its proxy is its own affair.
  const { found, scanned } = findSecrets(secrets, places);
  t.true(scanned > 60, `${scanned}`);
  t.deepEqual(
    found.filter((text) => !/^proxy of the build in (joined )?output/.test(text)),
    [],
  );
});

it('LOG-01: DF-22: a proxy of the build reaches its steps, and is in no key, config or history', async (t) => {
  const secret = word();
  const dockerfile = 'FROM base\nRUN echo "$HTTP_PROXY" | md5sum; echo RAN\n';
  const build = (value: string) =>
    site.build(dockerfile, {
      args: [
        '--build-arg',
        `HTTP_PROXY=http://u:${value}@h`,
        '-o',
        'type=oci,dest=proxy.tar',
        '--metadata-file',
        'proxy.json',
      ],
    });
  const first = await build(secret);
  t.regex(printed(first), /RAN/, first.output);
  const again = await build(word());
  t.is(printed(again), '', 'another proxy is a hit');
  const places: Scanned[] = [
    ['output', Buffer.from(first.output + again.output)],
    ['image', readFileSync(site.workspace.path('proxy.tar'))],
    ['metadata', readFileSync(site.workspace.path('proxy.json'))],
    ...everyFile(site.workspace.store),
  ];
  t.deepEqual(findSecrets({ proxy: secret }, places).found, []);
});

for (const [how, value] of [
  ['at once', 'abcdefghij'],
  ['with signs', 'a$b*c[d]e\\f'],
  ['of bytes that are no text', 'ab\u00e9\u4e2dcdef'],
  ['that begins like itself', 'aaaaaaab'],
] as const) {
  stepTest(`LOG-06: a printed secret ${how} is masked, whole, in bytes and by set -x`, async (t) => {
    site.workspace.write({ masked: value });
    const built = await site.build(
      `FROM base
RUN --mount=type=secret,id=s cat /run/secrets/s; echo " whole"; i=1; n=$(wc -c < /run/secrets/s); while [ $i -le $n ]; do dd if=/run/secrets/s bs=1 skip=$((i-1)) count=1 2>/dev/null; usleep 3000; i=$((i+1)); done; echo " pieces"; cat /run/secrets/s >&2; echo " err" >&2 # ${how}
RUN --mount=type=secret,id=s set -x; v=$(cat /run/secrets/s); echo "aaaa$v" # ${how}`,
      { args: ['--secret', 'id=s,src=masked'] },
    );
    t.is(built.code, 0, built.output);
    for (const line of ['*** whole', '*** pieces', '*** err'])
      t.true(printed(built).includes(line), built.output);
    t.false(built.output.includes(value));
  });
}
