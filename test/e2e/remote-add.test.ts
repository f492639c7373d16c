/** ADD of URLs and git repositories, through the command line, from servers on loopback. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { startFileServer, type FileServer } from '../helpers/file-server.js';
import { hasGit, startGitServer, type GitServer } from '../helpers/git-server.js';
import { filesBelow, statOf } from '../helpers/local-tree.js';
import { tarOf } from '../helpers/stores.js';
import { hasCommandLine, makeWorkspace, stepVerdicts, type Workspace } from '../helpers/tsbuild.js';

const test = anyTest as TestFn<{ server: FileServer; git: GitServer }>;
const it = hasCommandLine ? test : test.skip;
const withGit = hasCommandLine && hasGit ? test : test.skip;

const modified = 'Wed, 21 Oct 2015 07:28:00 GMT';
const text = 'hello from afar\n';
const sum = `sha256:${createHash('sha256').update(text).digest('hex')}`;

test.before(async (t) => {
  t.context.server = await startFileServer({
    '/d/file.txt': (request, response) => {
      const known = request.headers['if-none-match'] === '"1"';
      response.writeHead(known ? 304 : 200, { ETag: '"1"', 'Last-Modified': modified });
      response.end(known ? undefined : text);
    },
    '/': (_, response) =>
      response.writeHead(200, { 'Content-Disposition': 'attachment; filename="../n.txt"' }).end(text),
    '/archive.tar.gz': gzipSync(tarOf('inside')),
    '/%5Ba%5D*.txt': 'brackets',
  });
  if (hasGit) t.context.git = await startGitServer();
});
test.after.always(async (t) => {
  await t.context.server.close();
  await t.context.git?.close();
});

function workspaceOf(t: ExecutionContext): Workspace {
  const workspace = makeWorkspace('add');
  t.teardown(() => workspace.remove());
  return workspace;
}

/** Builds `FROM scratch` with some lines and gives the files of the image. */
async function added(workspace: Workspace, lines: string) {
  workspace.write({ Dockerfile: `FROM scratch\n${lines}\n` });
  const ended = await workspace.tsbuild(['--progress=plain', '-o', 'out', '.']);
  return { ...ended, files: ended.code === 0 ? filesBelow(workspace.path('out')) : {} };
}

it('a URL is a file of mode 0600 with the time of Last-Modified', async (t) => {
  const workspace = workspaceOf(t);
  const { files, output } = await added(workspace, `ADD ${t.context.server.origin}/d/file.txt /dir/`);
  t.deepEqual(files, { 'dir/file.txt': text }, output);
  const seconds = Date.parse(modified) / 1000;
  t.deepEqual(statOf(workspace.path('out/dir/file.txt')), { mode: '600', mtime: seconds });
});

const names: readonly (readonly [rule: string, words: string, path: string])[] = [
  ['a destination without slash is the file', '/d/file.txt /x', 'x'],
  ['the server names what the URL does not', '/ /dir/', 'dir/n.txt'],
  ['characters of patterns are plain in URLs', '/%5Ba%5D*.txt /dir/', 'dir/[a]*.txt'],
];
for (const [rule, words, path] of names) {
  it(`name: ${rule}`, async (t) => {
    const { files, output } = await added(workspaceOf(t), `ADD ${t.context.server.origin}${words}`);
    t.deepEqual(Object.keys(files), [path], output);
  });
}

it('--chmod, --chown and several sources', async (t) => {
  const workspace = workspaceOf(t);
  workspace.write({ local: 'local' });
  const { files, output } = await added(
    workspace,
    `ADD --chmod=640 --chown=7:8 ${t.context.server.origin}/d/file.txt local /dir/`,
  );
  t.deepEqual(files, { 'dir/file.txt': text, 'dir/local': 'local' }, output);
  t.is(statOf(workspace.path('out/dir/file.txt')).mode, '640');
});

it('archives from URLs are unpacked with --unpack only', async (t) => {
  const url = `${t.context.server.origin}/archive.tar.gz`;
  t.deepEqual(Object.keys((await added(workspaceOf(t), `ADD ${url} /d/`)).files), ['d/archive.tar.gz']);
  const { files } = await added(workspaceOf(t), `ADD --unpack=true ${url} /d/`);
  t.deepEqual(Object.keys(files), ['d/inside']);
});

it('--checksum: right, wrong and misplaced', async (t) => {
  const url = `${t.context.server.origin}/d/file.txt`;
  t.is((await added(workspaceOf(t), `ADD --checksum=${sum} ${url} /x`)).code, 0);
  t.is((await added(workspaceOf(t), `ARG S=${sum}\nADD --checksum=$S ${url} /x`)).code, 0);
  const wrong = await added(workspaceOf(t), `ADD --checksum=sha256:${'0'.repeat(64)} ${url} /x`);
  t.is(wrong.code, 1);
  t.regex(wrong.stderr, /not what its checksum says/);
  for (const [line, message] of [
    [`ADD --checksum=${sum} Dockerfile /x`, /exactly one source/],
    [`ADD --checksum=${sum} ${url} ${url} /x`, /exactly one source/],
    [`ADD --checksum=sha256:12 ${url} /x`, /64 hex digits/],
    [`ADD --checksum=sha512:${'0'.repeat(128)} ${url} /x`, /sha256 only/],
    [`ADD --keep-git-dir ${url} /x`, /git sources only/],
  ] as const) {
    const { code, stderr } = await added(workspaceOf(t), line);
    t.true([2, 3].includes(code), line);
    t.regex(stderr, message);
    t.regex(stderr, /Dockerfile:2/);
  }
});

it('a second build asks whether the file changed and takes the layer from the cache', async (t) => {
  const workspace = workspaceOf(t);
  const line = `ADD ${t.context.server.origin}/d/file.txt?cached /x`;
  await added(workspace, line);
  const second = await added(workspace, line);
  t.is(stepVerdicts(second.output).ran.length, 0, second.output);
  const asked = t.context.server.requests.filter(({ path }) => path === '/d/file.txt?cached');
  t.deepEqual(
    asked.map(({ headers }) => headers['if-none-match']),
    [undefined, '"1"'],
  );
});

it('a missing file fails with the line', async (t) => {
  const { code, stderr } = await added(workspaceOf(t), `ADD ${t.context.server.origin}/none /x`);
  t.is(code, 1);
  t.regex(stderr, /Dockerfile:2/);
  t.regex(stderr, /answered 404/);
});

it('a password in a URL is in nothing that a build leaves', async (t) => {
  const workspace = workspaceOf(t);
  const url = t.context.server.origin.replace('//', '//me:hunter2secret@');
  const { code, output } = await added(workspace, `ADD ${url}/d/file.txt /x`);
  t.is(code, 0, output);
  t.false(output.includes('hunter2secret'));
  for (const entry of readdirSync(workspace.store, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    t.false(readFileSync(join(entry.parentPath, entry.name)).includes('hunter2secret'), entry.name);
  }
});

withGit('a repository: its files, a folder of it, a tag', async (t) => {
  const repository = await t.context.git.repository('add');
  await repository.commit({ a: '1', 'sub/b': 'b' });
  await repository.git('tag', 'v1');
  await repository.commit({ a: '2' });
  const { files, output } = await added(
    workspaceOf(t),
    `ADD ${repository.url} /head\nADD ${repository.url}#v1:sub /sub/\nADD ${repository.url}?tag=v1 /v1`,
  );
  const expected = { 'head/a': '2', 'head/sub/b': 'b', 'sub/b': 'b', 'v1/a': '1', 'v1/sub/b': 'b' };
  t.deepEqual(files, expected, output);
});

withGit('--keep-git-dir and --checksum of a repository', async (t) => {
  const repository = await t.context.git.repository('kept');
  const commit = await repository.commit({ a: '1' });
  const kept = await added(workspaceOf(t), `ADD --keep-git-dir=true ${repository.url} /r`);
  t.is(kept.files['r/.git/HEAD'], `${commit}\n`, kept.output);
  const right = await added(workspaceOf(t), `ADD --checksum=${commit} ${repository.url} /r`);
  t.deepEqual(right.files, { 'r/a': '1' });
  const wrong = await added(workspaceOf(t), `ADD --checksum=${'0'.repeat(40)} ${repository.url} /r`);
  t.regex(wrong.stderr, /as its checksum says/);
});

withGit('an unchanged repository is not fetched again; a new commit is', async (t) => {
  const repository = await t.context.git.repository('cached');
  await repository.commit({ a: '1' });
  const workspace = workspaceOf(t);
  const line = `ADD ${repository.url}#main /r`;
  await added(workspace, line);
  const second = await added(workspace, line);
  t.deepEqual(stepVerdicts(second.output).ran, [], second.output);
  t.notRegex(second.output, /\[internal\] fetch git/);
  await repository.commit({ a: '2' });
  const third = await added(workspace, line);
  t.deepEqual(third.files, { 'r/a': '2' });
  t.regex(third.output, /commit of source 1/);
});

withGit('hostile addresses are refused before git is asked', async (t) => {
  for (const url of [
    'git://127.0.0.1:1/r#--upload-pack=touch',
    'ssh://-oProxyCommand=touch/r',
    'git://127.0.0.1:1/r#main:../../etc',
  ]) {
    const { code, stderr } = await added(workspaceOf(t), `ADD ${url} /r`);
    t.is(code, 3, stderr);
    t.regex(stderr, /not a git source/);
    t.regex(stderr, /Dockerfile:2/);
  }
});
