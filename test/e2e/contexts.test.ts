/** Build contexts of every kind, and Dockerfiles in every place, through the command line. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { startFileServer, type FileServer } from '../helpers/file-server.js';
import { hasGit, startGitServer, type GitServer } from '../helpers/git-server.js';
import { filesBelow } from '../helpers/local-tree.js';
import { findProgram } from '../helpers/programs.js';
import { rawFile, rawHeader } from '../helpers/raw-tar.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';

const test = anyTest as TestFn<{ server: FileServer; git: GitServer }>;
const it = hasCommandLine ? test : test.skip;
const withGit = hasCommandLine && hasGit ? test : test.skip;

const end = Buffer.alloc(1024);
const dockerfile = 'FROM scratch\nCOPY a /\n';
const tar = Buffer.concat([
  rawFile('./Dockerfile', dockerfile),
  rawFile('a', 'A'),
  rawFile('sub/Dockerfile', 'FROM scratch\nCOPY sub/b /\n'),
  rawFile('sub/b', 'B'),
  end,
]);

test.before(async (t) => {
  t.context.server = await startFileServer({
    '/context.tar': tar,
    '/Dockerfile': 'FROM scratch\nCOPY <<a /\nA\na\n',
    '/wants-files': dockerfile,
    '/binary': Buffer.alloc(2 * 1024 * 1024, 1),
  });
  if (hasGit) t.context.git = await startGitServer();
});
test.after.always(async (t) => {
  await t.context.server.close();
  await t.context.git?.close();
});

function workspaceOf(t: ExecutionContext): Workspace {
  const workspace = makeWorkspace('context');
  t.teardown(() => workspace.remove());
  return workspace;
}

/** Builds and gives the files of the image. */
async function built(workspace: Workspace, args: readonly string[], input?: string | Uint8Array) {
  const ended = await workspace.tsbuild(['--progress=plain', '-o', 'out', ...args], { input });
  return { ...ended, files: ended.code === 0 ? filesBelow(workspace.path('out')) : {} };
}

const compressors: readonly (readonly [kind: string, command: readonly string[]])[] = [
  ['plain', ['cat']],
  ['gzip', ['gzip', '-c']],
  ['bzip2', ['bzip2', '-c']],
  ['xz', ['xz', '-c']],
  ['zstd', ['zstd', '-c']],
];
for (const [kind, [program = '', ...args]] of compressors) {
  const able = hasCommandLine && findProgram(program) !== undefined ? test : test.skip;
  able(`a ${kind} tar on standard input`, async (t) => {
    const archive = execFileSync(program, args, { input: tar });
    const { files, output } = await built(workspaceOf(t), ['-'], archive);
    t.deepEqual(files, { a: 'A' }, output);
  });
}

it('a tar file, and -f inside of it', async (t) => {
  const workspace = workspaceOf(t);
  writeFileSync(workspace.path('c.tar'), tar);
  t.deepEqual((await built(workspace, ['c.tar'])).files, { a: 'A' });
  const other = workspaceOf(t);
  writeFileSync(other.path('c.tar'), tar);
  t.deepEqual((await built(other, ['-f', 'sub/Dockerfile', 'c.tar'])).files, { b: 'B' });
});

it('a Dockerfile on standard input has no files', async (t) => {
  const { files } = await built(workspaceOf(t), ['-'], 'FROM scratch\nCOPY <<x /\nX\nx\n');
  t.deepEqual(files, { x: 'X\n' });
  const { code, stderr } = await built(workspaceOf(t), ['-'], dockerfile);
  t.is(code, 1);
  t.regex(stderr, /no build context/);
});

it('a tar over http, and a Dockerfile over http', async (t) => {
  const { origin } = t.context.server;
  t.deepEqual((await built(workspaceOf(t), [`${origin}/context.tar`])).files, { a: 'A' });
  t.deepEqual((await built(workspaceOf(t), [`${origin}/Dockerfile`])).files, { a: 'A\n' });
  t.regex((await built(workspaceOf(t), [`${origin}/wants-files`])).stderr, /no build context/);
  t.regex((await built(workspaceOf(t), [`${origin}/binary`])).stderr, /too large for a Dockerfile/);
});

withGit('a repository, a folder of it, and its Dockerfile from standard input', async (t) => {
  const repository = await t.context.git.repository('context');
  const commit = await repository.commit({
    Dockerfile: dockerfile,
    a: 'A',
    'sub/Dockerfile': dockerfile,
    'sub/a': 'S',
  });
  t.deepEqual((await built(workspaceOf(t), [repository.url])).files, { a: 'A' });
  t.deepEqual((await built(workspaceOf(t), [`${repository.url}#main:sub`])).files, { a: 'S' });
  t.deepEqual((await built(workspaceOf(t), [`${repository.url}#${commit}`])).files, { a: 'A' });
  const stdin = await built(workspaceOf(t), ['-f', '-', repository.url], 'FROM scratch\nCOPY . /\n');
  t.deepEqual(Object.keys(stdin.files).sort(), ['Dockerfile', 'a', 'sub/Dockerfile', 'sub/a']);
});

withGit('BUILDKIT_CONTEXT_KEEP_GIT_DIR keeps the data of git', async (t) => {
  const repository = await t.context.git.repository('context-kept');
  const commit = await repository.commit({ Dockerfile: 'FROM scratch\nCOPY .git/HEAD /\n' });
  const { files, output } = await built(workspaceOf(t), [
    '--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=1',
    repository.url,
  ]);
  t.deepEqual(files, { HEAD: `${commit}\n` }, output);
});

withGit('the .dockerignore of a repository does not count, and that is said', async (t) => {
  const repository = await t.context.git.repository('ignoring');
  await repository.commit({ Dockerfile: dockerfile, a: 'A', '.dockerignore': 'a\n' });
  const { files, stderr } = await built(workspaceOf(t), [repository.url]);
  t.deepEqual(files, { a: 'A' });
  t.regex(stderr, /\.dockerignore of .* does not count/);
});

withGit('SOURCE_DATE_EPOCH=context is the time of the commit', async (t) => {
  const repository = await t.context.git.repository('epoch');
  await repository.commit({
    Dockerfile:
      'ARG SOURCE_DATE_EPOCH=context\nFROM scratch\nARG SOURCE_DATE_EPOCH\nENV E=$SOURCE_DATE_EPOCH\nCOPY a /\n',
    a: 'A',
  });
  for (const args of [[], ['--build-arg=SOURCE_DATE_EPOCH=context'], ['--source-date-epoch=context']]) {
    const workspace = workspaceOf(t);
    const { code, output } = await workspace.tsbuild(['-t', 'x', ...args, repository.url]);
    t.is(code, 0, output);
    const config = (await workspace.tsbuild(['inspect', 'x'])).stdout;
    t.regex(config, /2020-01-01T00:00:00Z/);
    t.regex(config, /E=1577836800/);
  }
});

const epochs: readonly (readonly [rule: string, line: string, args: readonly string[], message: RegExp])[] = [
  ['global ARG that is no number', 'ARG SOURCE_DATE_EPOCH=soon\n', [], /SOURCE_DATE_EPOCH .*"soon"/],
  ['negative global ARG', 'ARG SOURCE_DATE_EPOCH=-1\n', [], /SOURCE_DATE_EPOCH .*"-1"/],
  ['build argument', '', ['--build-arg=SOURCE_DATE_EPOCH=x'], /SOURCE_DATE_EPOCH/],
  ['context without a time', 'ARG SOURCE_DATE_EPOCH=context\n', [], /needs a build context that has a time/],
  [
    'option context without a time',
    '',
    ['--source-date-epoch=context'],
    /needs a build context that has a time/,
  ],
];
for (const [rule, line, args, message] of epochs) {
  it(`SOURCE_DATE_EPOCH refused: ${rule}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ Dockerfile: `${line}${dockerfile}`, a: 'A' });
    const { code, stderr } = await built(workspace, [...args, '.']);
    t.not(code, 0);
    t.regex(stderr, message);
  });
}

const places: readonly (readonly [
  rule: string,
  arrange: (workspace: Workspace) => void,
  args: readonly string[],
])[] = [
  ['Dockerfile', (w) => w.write({ 'c/Dockerfile': dockerfile }), ['c']],
  ['lower-case dockerfile', (w) => w.write({ 'c/dockerfile': dockerfile }), ['c']],
  ['outside the context', (w) => w.write({ 'other/My.df': dockerfile }), ['-f', 'other/My.df', 'c']],
  [
    'a symbolic link inside the context',
    (w) => {
      w.write({ 'c/real': dockerfile });
      symlinkSync('real', w.path('c/Dockerfile'));
    },
    ['c'],
  ],
  [
    'a symbolic link that leaves the context',
    (w) => {
      w.write({ elsewhere: dockerfile });
      symlinkSync('../elsewhere', w.path('c/Dockerfile'));
    },
    ['c'],
  ],
  [
    'excluded by .dockerignore',
    (w) => w.write({ 'c/Dockerfile': dockerfile, 'c/.dockerignore': 'Dockerfile\n.dockerignore\n' }),
    ['c'],
  ],
];
for (const [rule, arrange, args] of places) {
  it(`the Dockerfile: ${rule}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ 'c/a': 'A' });
    arrange(workspace);
    const { files, output } = await built(workspace, args);
    t.deepEqual(files, { a: 'A' }, output);
  });
}

const ignored: readonly (readonly [
  rule: string,
  files: Record<string, string>,
  args: readonly string[],
  kept: string[],
])[] = [
  ['of the context', { 'c/.dockerignore': 'x' }, [], ['.dockerignore', 'Dockerfile', 'y']],
  [
    'beside the Dockerfile replaces it',
    { 'c/.dockerignore': 'x', 'c/Dockerfile.dockerignore': 'y\n.*\n*.dockerignore' },
    [],
    ['Dockerfile', 'x'],
  ],
  [
    'beside a Dockerfile outside the context',
    { 'o/D': 'FROM scratch\nCOPY . /\n', 'o/D.dockerignore': 'Dockerfile\nx' },
    ['-f', 'o/D'],
    ['y'],
  ],
  ['--ignorefile', { 'c/.dockerignore': 'x', i: 'y\n.*' }, ['--ignorefile', 'i'], ['Dockerfile', 'x']],
];
for (const [rule, files, args, kept] of ignored) {
  it(`ignore file: ${rule}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ 'c/Dockerfile': 'FROM scratch\nCOPY . /\n', 'c/x': '', 'c/y': '', ...files });
    const result = await built(workspace, [...args, 'c']);
    t.deepEqual(Object.keys(result.files).sort(), kept, result.output);
  });
}

const refused: readonly (readonly [rule: string, context: string, code: number, message: RegExp])[] = [
  ['nothing there', './none', 1, /"\.\/none" does not exist/],
  ['a file that is no tar', './plain', 1, /neither a folder nor a tar/],
  ['an unknown protocol', 'ftp://127.0.0.1/c', 2, /cannot be "ftp:"/],
  ['a file URL', 'file:///etc', 2, /cannot be "file:"/],
  ['a transport of git', 'ext::sh -c id', 2, /cannot be "ext:"/],
  ['an option for git', 'git://127.0.0.1:1/x#--upload-pack=x', 2, /not a git source/],
];
for (const [rule, context, code, message] of refused) {
  it(`refused: ${rule}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ plain: 'text' });
    const ended = await workspace.tsbuild(['build', context]);
    t.is(ended.code, code);
    t.regex(ended.stderr, message);
  });
}

const canary = 'tsbuild-context-canary';
const hostile: readonly (readonly [
  rule: string,
  members: readonly Buffer[],
  files: Record<string, string> | RegExp,
])[] = [
  ['.. stays inside', [rawFile('../a', 'A')], { a: 'A' }],
  ['an absolute name stays inside', [rawFile(`/a`, 'A')], { a: 'A' }],
  [
    'nothing is written through a link',
    [rawHeader({ name: 'l', type: '2', link: '/tmp' }), rawFile(`l/${canary}`, 'x'), rawFile('a', 'A')],
    { a: 'A' },
  ],
  [
    'a link as Dockerfile is read inside the archive',
    [rawHeader({ name: 'D', type: '2', link: '/etc/passwd' }), rawFile('a', 'A')],
    /no Dockerfile/,
  ],
  [
    'a hard link to nothing',
    [rawHeader({ name: 'h', type: '1', link: 'none' }), rawFile('a', 'A')],
    /hard link/,
  ],
  ['a hard link to itself', [rawHeader({ name: 'h', type: '1', link: 'h' }), rawFile('a', 'A')], /hard link/],
  [
    'a hard link that leaves',
    [rawHeader({ name: 'h', type: '1', link: '../../etc/passwd' }), rawFile('a', 'A')],
    /hard link/,
  ],
  [
    'a hard link to a later file',
    [rawHeader({ name: 'a', type: '1', link: 'b' }), rawFile('b', 'B')],
    { a: 'B' },
  ],
  ['whiteout names are names', [rawFile('a', 'A'), rawFile('.wh.a', '')], { a: 'A' }],
  [
    'a broken header',
    [rawFile('a', 'A'), rawHeader({ name: 'x', checksum: '1\0' })],
    /header|checksum|corrupt/,
  ],
];
for (const [rule, members, expected] of hostile) {
  it(`hostile tar: ${rule}`, async (t) => {
    const file = rule.startsWith('a link as') ? ['-f', 'D'] : [];
    const archive = Buffer.concat([rawFile('Dockerfile', dockerfile), ...members, end]);
    const { files, stderr, code } = await built(workspaceOf(t), [...file, '-'], archive);
    t.false(existsSync(`/tmp/${canary}`));
    if (expected instanceof RegExp) {
      t.not(code, 0);
      t.regex(stderr, expected);
      t.notRegex(stderr, /root:x/);
    } else t.deepEqual(files, expected, stderr);
  });
}

it('--build-context: a folder with its own .dockerignore, before stages and images', async (t) => {
  const workspace = workspaceOf(t);
  workspace.write({
    'c/Dockerfile':
      'FROM scratch AS one\nCOPY own /\nFROM scratch\nCOPY --from=one / /one\nCOPY --from=two / /two\n',
    'c/own': 'own',
    'first/f': '1',
    'second/s': '2',
    'second/skip': '',
    'second/.dockerignore': 'skip\n.dockerignore',
  });
  const args = ['--build-context=one=first', '--build-context', 'TWO=second', 'c'];
  const { files, output } = await built(workspace, args);
  t.deepEqual(files, { 'one/f': '1', 'two/s': '2' }, output);
});

it('--build-context: a folder as the base', async (t) => {
  const workspace = workspaceOf(t);
  workspace.write({ Dockerfile: 'FROM base\nCOPY a /\n', a: 'A', 'root/etc/b': 'B' });
  const { files, output } = await built(workspace, ['--build-context=base=root', '.']);
  t.deepEqual(files, { a: 'A', 'etc/b': 'B' }, output);
});

it('--build-context: an image by docker-image:// and oci-layout://', async (t) => {
  const workspace = workspaceOf(t);
  workspace.write({
    'base/Dockerfile': 'FROM scratch\nCOPY b /\nENV FROM_BASE=yes\n',
    'base/b': 'B',
    'c/Dockerfile': 'FROM alpine:latest\nCOPY a /\n',
    'c/a': 'A',
  });
  await workspace.tsbuild(['-t', 'local/base:1', '-o', 'type=oci,tar=false,dest=layout', 'base']);
  const manifest = /"digest":\s*"(sha256:[0-9a-f]+)"/.exec(
    execFileSync('cat', [workspace.path('layout/index.json')]).toString(),
  )?.[1];
  for (const value of [
    'docker-image://local/base:1',
    'oci-layout://layout:1',
    'oci-layout://./layout',
    `oci-layout://layout@${manifest}`,
  ]) {
    mkdirSync(workspace.path('out'), { recursive: true });
    const args = ['--build-context', `docker.io/library/alpine=${value}`, '-t', 'x', 'c'];
    const { code, output } = await workspace.tsbuild(args);
    t.is(code, 0, `${value}: ${output}`);
    t.regex((await workspace.tsbuild(['inspect', 'x'])).stdout, /FROM_BASE=yes/);
  }
});

it('--build-context: layers that may not be distributed keep media type and addresses', async (t) => {
  const workspace = workspaceOf(t);
  workspace.write({
    'base/Dockerfile': 'FROM scratch\nCOPY b /\n',
    'base/b': 'B',
    'c/Dockerfile': 'FROM base\nCOPY a /\n',
    'c/a': 'A',
  });
  await workspace.tsbuild(['-o', 'type=oci,tar=false,dest=layout', 'base']);
  const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
  const urls = ['https://example.com/layer'];
  const [own] = layersOf(workspace.path('layout'));
  editManifest(workspace.path('layout'), (manifest) => ({
    ...manifest,
    layers: [{ ...own, mediaType, urls }],
  }));
  const args = ['--build-context=base=oci-layout://./layout', '-o', 'type=oci,tar=false,dest=made', 'c'];
  const { code, output } = await workspace.tsbuild(args);
  t.is(code, 0, output);
  t.like(layersOf(workspace.path('made'))[0], { mediaType, urls });
});

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly size: number }[];
}
interface Manifest {
  readonly layers: readonly object[];
}

function layersOf(layout: string): readonly object[] {
  return manifestOf(layout).layers;
}

function manifestOf(layout: string): Manifest {
  const [descriptor] = indexOf(layout).manifests;
  return JSON.parse(
    readFileSync(`${layout}/blobs/${descriptor?.digest.replace(':', '/')}`, 'utf8'),
  ) as Manifest;
}

function indexOf(layout: string): Index {
  return JSON.parse(readFileSync(`${layout}/index.json`, 'utf8')) as Index;
}

/** Puts another manifest in the place of the only one of a layout. */
function editManifest(layout: string, edit: (manifest: Manifest) => Manifest): void {
  const text = JSON.stringify(edit(manifestOf(layout)));
  const hex = createHash('sha256').update(text).digest('hex');
  writeFileSync(`${layout}/blobs/sha256/${hex}`, text);
  const index = indexOf(layout);
  const [descriptor] = index.manifests;
  const manifests = [{ ...descriptor, digest: `sha256:${hex}`, size: text.length }];
  writeFileSync(`${layout}/index.json`, JSON.stringify({ ...index, manifests }));
}

withGit('--build-context: a repository and a tar over http', async (t) => {
  const repository = await t.context.git.repository('named');
  await repository.commit({ r: 'R' });
  const workspace = workspaceOf(t);
  workspace.write({ Dockerfile: 'FROM scratch\nCOPY --from=repo r /\nCOPY --from=web sub/b /\n' });
  const { files, output } = await built(workspace, [
    `--build-context=repo=${repository.url}`,
    `--build-context=web=${t.context.server.origin}/context.tar`,
    '.',
  ]);
  t.deepEqual(files, { b: 'B', r: 'R' }, output);
});

const badContexts: readonly (readonly [rule: string, value: string, message: RegExp])[] = [
  ['no folder', 'x=./none', /"\.\/none" does not exist/],
  ['a target of bake', 'x=target:y', /cannot be "target:y"/],
  ['standard input', 'x=-', /cannot be "-"/],
  ['no value', 'x', /cannot be ""/],
  ['a layout that is none', 'x=oci-layout://none', /cannot read|no index/],
  ['a digest that is none', 'x=oci-layout://c@sha256:1', /no sha256 digest/],
];
for (const [rule, value, message] of badContexts) {
  it(`--build-context refused: ${rule}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ Dockerfile: 'FROM scratch\nCOPY --from=x . /\n' });
    const { code, stderr } = await built(workspace, ['--build-context', value, '.']);
    t.not(code, 0);
    t.regex(stderr, message);
  });
}
