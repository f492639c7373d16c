/** Git sources with the real program, from a daemon on loopback: what is fetched, and what hostile repositories cannot do. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import type { ScannedContext } from '../../src/layers/scan-context.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { readSmallBody } from '../../src/layers/body.js';
import { GitSources } from '../../src/remote/git-sources.js';
import { parseGitUrl } from '../../src/remote/git-url.js';
import { runGit } from '../../src/remote/run-git.js';
import { startFileServer } from '../helpers/file-server.js';
import { hasGit, startGitServer, type GitServer, type Repository } from '../helpers/git-server.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

const test = anyTest as TestFn<{ server: GitServer }>;
const it = hasGit ? test : test.skip;

test.before(async (t) => {
  if (hasGit) t.context.server = await startGitServer();
});
test.after.always((t) => t.context.server?.close());

function sourcesOf(t: ExecutionContext, path = process.env['PATH']): GitSources {
  const scratch = makeScratch('git-sources');
  t.teardown(() => removeScratch(scratch));
  return new GitSources({
    environment: { path },
    folder: () => mkdtemp(join(scratch, 'x')),
    job: { signal: new AbortController().signal, emit: () => undefined },
  });
}

async function contents(context: ScannedContext): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [path, node] of walkTree(context.tree)) {
    if (node.kind === 'symlink') files[path] = `-> ${node.target}`;
    if (node.kind !== 'file') continue;
    await context.hash([node]);
    files[path] = (await readSmallBody(context.body(node), 1 << 20)).toString();
  }
  return files;
}

async function filesOf(t: ExecutionContext, url: string): Promise<Record<string, string>> {
  return contents((await sourcesOf(t).checkout(parseGitUrl(url))).files);
}

/** main: a=2, dir/b; tag v1 (annotated) and the branch old: a=1. */
async function sample(
  { repository }: GitServer,
  name: string,
): Promise<Repository & { first: string; last: string }> {
  const made = await repository(name);
  const first = await made.commit({ a: '1', 'dir/b': 'b', 'run.sh': { content: 'x', mode: 0o755 } });
  await made.git('tag', '-a', '-m', 'v1', 'v1');
  await made.git('branch', 'old');
  const last = await made.commit({ a: '2' });
  return { ...made, first, last };
}

it('a branch, a tag, an annotated tag, a commit, HEAD and a full reference', async (t) => {
  const { url, first, last } = await sample(t.context.server, 'refs');
  const sources = sourcesOf(t);
  const commit = (fragment: string) => sources.commit(parseGitUrl(`${url}${fragment}`));
  t.is(await commit(''), last);
  t.is(await commit('#main'), last);
  t.is(await commit('#old'), first);
  t.is(await commit('#v1'), first);
  t.is(await commit('?tag=v1'), first);
  t.is(await commit('#refs/heads/old'), first);
  t.is(await commit(`#${first}`), first);
  t.is(await commit('?branch=old'), first);
});

it('files of a commit: content, modes, no .git, time', async (t) => {
  const { url } = await sample(t.context.server, 'files');
  const { files, time } = await sourcesOf(t).checkout(parseGitUrl(`${url}#old`));
  t.deepEqual(await contents(files), { a: '1', 'dir/b': 'b', 'run.sh': 'x' });
  t.is(time, 1577836800);
  const modes = [...walkTree(files.tree)].map(([path, { meta }]) => `${path} ${meta.mode.toString(8)}`);
  t.deepEqual(modes.sort(), ['a 644', 'dir 755', 'dir/b 644', 'run.sh 755']);
});

it('a folder of a repository', async (t) => {
  const { url } = await sample(t.context.server, 'folder');
  t.deepEqual(await filesOf(t, `${url}#main:dir`), { b: 'b' });
  await t.throwsAsync(filesOf(t, `${url}#main:none`), { message: /no folder/ });
});

it('mtime=commit gives every file the time of the commit', async (t) => {
  const { url } = await sample(t.context.server, 'times');
  const { files } = await sourcesOf(t).checkout(parseGitUrl(`${url}?mtime=commit`));
  const times = new Set([...walkTree(files.tree)].map(([, { meta }]) => meta.mtime));
  t.deepEqual([...times], [1577836800n * 1_000_000_000n]);
});

it('keep-git-dir keeps the data of git, without an address that holds a password', async (t) => {
  const { url, last } = await sample(t.context.server, 'kept');
  const files = await filesOf(t, `${url}?keep-git-dir=1`);
  t.is(files['.git/HEAD'], `${last}\n`);
  t.is(files['a'], '2');
  const below = await filesOf(t, `${url}?keep-git-dir=1&subdir=dir`);
  t.is(below['b'], 'b');
  t.is(below['.git/HEAD'], `${last}\n`);
});

it('a checksum must begin the commit', async (t) => {
  const { url, last } = await sample(t.context.server, 'checksum');
  t.is(await sourcesOf(t).commit(parseGitUrl(`${url}?checksum=${last.slice(0, 8)}`)), last);
  await t.throwsAsync(sourcesOf(t).commit(parseGitUrl(`${url}?ref=old&checksum=${last}`)), {
    message: /as its checksum says/,
  });
});

it('what does not exist is said', async (t) => {
  const { url } = await sample(t.context.server, 'missing');
  await t.throwsAsync(filesOf(t, `${url}#none`), { message: /does not have a branch or tag "none"/ });
  await t.throwsAsync(filesOf(t, `${url}-none`), { message: /git ls-remote failed/ });
});

it('submodules come along unless they are not wanted', async (t) => {
  const inner = await t.context.server.repository('inner');
  await inner.commit({ i: 'inner' });
  const outer = await t.context.server.repository('outer');
  await outer.git('submodule', '--quiet', 'add', inner.url, 'sub');
  await outer.commit({ o: 'outer' });
  t.like(await filesOf(t, outer.url), { o: 'outer', 'sub/i': 'inner' });
  const without = await filesOf(t, `${outer.url}?submodules=false`);
  t.deepEqual(Object.keys(without).sort(), ['.gitmodules', 'o']);
  const kept = await filesOf(t, `${outer.url}?keep-git-dir=true`);
  t.is(kept['sub/.git'], 'gitdir: ../.git/modules/sub\n');
});

it('a server that gives no single commits gives everything', async (t) => {
  const { folder, last } = await sample(t.context.server, 'dumb.git');
  await runProgramIn(folder, 'update-server-info');
  const routes = Object.fromEntries(
    readdirSync(join(folder, '.git'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => {
        const path = join(parentPath, name);
        return [`/dumb.git/${path.slice(join(folder, '.git').length + 1)}`, readFileSync(path)];
      }),
  );
  const server = await startFileServer(routes);
  t.teardown(() => server.close());
  t.like(await filesOf(t, `${server.origin}/dumb.git#${last}`), { a: '2' });
});

async function runProgramIn(folder: string, ...args: readonly string[]): Promise<void> {
  await runGit(args, {
    cwd: folder,
    environment: { path: process.env['PATH'] },
    protocols: [],
    signal: new AbortController().signal,
  });
}

it('credentials go to the server in a header, and into no message', async (t) => {
  const server = await startFileServer({});
  t.teardown(() => server.close());
  const url = `${server.origin.replace('//', '//me:s3cret@')}/r.git`;
  const error = await t.throwsAsync(sourcesOf(t).commit(parseGitUrl(url)));
  t.false(error?.message.includes('s3cret'));
  t.is(server.requests[0]?.headers.authorization, `Basic ${Buffer.from('me:s3cret').toString('base64')}`);
});

it('without git there is a clear error', async (t) => {
  const error = await t.throwsAsync(sourcesOf(t, '/nowhere').commit(parseGitUrl('git://127.0.0.1:1/x')));
  t.is(error?.message, 'git is not installed');
});

it('hostile: links stay links, and no folder is reached through one', async (t) => {
  const made = await t.context.server.repository('links');
  await made.commit({ a: 'a' });
  await made.git('update-index', '--add', '--cacheinfo', `120000,${await blob(made, '/etc')},etc`);
  await made.git('commit', '--quiet', '-m', 'link');
  t.deepEqual(await filesOf(t, made.url), { a: 'a', etc: '-> /etc' });
  await t.throwsAsync(filesOf(t, `${made.url}#main:etc`), { message: /no folder/ });
  await t.throwsAsync(filesOf(t, `${made.url}#main:etc/ssl`), { message: /no folder/ });
});

async function blob(made: Repository, text: string): Promise<string> {
  writeFileSync(join(made.folder, '.git', 'blob'), text);
  return (await made.git('hash-object', '-w', '.git/blob')).trim();
}

it('hostile: attributes name filters, and no program runs', async (t) => {
  const canary = join(t.context.server.folder, 'filter-canary');
  const made = await t.context.server.repository('filters');
  await made.commit({
    '.gitattributes': '* filter=evil diff=evil textconv=evil merge=evil ident\n',
    '.gitconfig': `[filter "evil"]\n\tsmudge = touch ${canary}\n[core]\n\tfsmonitor = touch ${canary}\n`,
    a: 'a',
  });
  t.is((await filesOf(t, made.url))['a'], 'a');
  t.false(existsSync(canary));
});

it('hostile: hooks of the machine and of templates do not run', async (t) => {
  const canary = join(t.context.server.folder, 'hook-canary');
  const made = await t.context.server.repository('hooks');
  const hook = { content: `#!/bin/sh\ntouch ${canary}\n`, mode: 0o755 };
  await made.commit({ 'hooks/post-checkout': hook, '.githooks/post-checkout': hook, a: 'a' });
  await filesOf(t, made.url);
  t.false(existsSync(canary));
});

const hostileModules: readonly (readonly [rule: string, modules: string])[] = [
  ['path outside', '[submodule "x"]\n\tpath = ../x\n\turl = ./inner\n'],
  ['name outside', '[submodule "../../x"]\n\tpath = x\n\turl = ./inner\n'],
  ['URL like an option', '[submodule "x"]\n\tpath = x\n\turl = -u./canary\n'],
  ['local repository', '[submodule "x"]\n\tpath = x\n\turl = file:///tmp\n'],
  ['path of a local repository', '[submodule "x"]\n\tpath = x\n\turl = /tmp\n'],
  ['ext transport', '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/tsbuild-canary\n'],
  [
    'command as update',
    '[submodule "x"]\n\tpath = x\n\turl = ./inner\n\tupdate = !touch /tmp/tsbuild-canary\n',
  ],
  ['carriage return', '[submodule "x"]\n\tpath = "x\\r"\n\turl = -u./canary\n'],
];
for (const [i, [rule, modules]] of hostileModules.entries()) {
  it(`hostile: submodule with ${rule}`, async (t) => {
    const made = await t.context.server.repository(`module-${i}`);
    const commit = await made.commit({ '.gitmodules': modules, a: 'a' });
    await made.git('update-index', '--add', '--cacheinfo', `160000,${commit},x`);
    await made.git('commit', '--quiet', '-m', 'gitlink');
    const files = await filesOf(t, made.url).catch((error: Error) => error);
    if (!(files instanceof Error)) t.deepEqual(Object.keys(files).sort(), ['.gitmodules', 'a']);
    t.false(existsSync('/tmp/tsbuild-canary'));
    t.deepEqual(await filesOf(t, `${made.url}?submodules=0`), { '.gitmodules': modules, a: 'a' });
  });
}

it('hostile: a HEAD and a tag whose names are options', async (t) => {
  const canary = join(t.context.server.folder, 'name-canary');
  const made = await t.context.server.repository('names');
  const commit = await made.commit({ a: 'a' });
  for (const name of ['refs/heads/--upload-pack=touch', 'refs/tags/-x', `refs/heads/--output=${canary}`])
    await made.git('update-ref', name, commit);
  await made.git('symbolic-ref', 'HEAD', 'refs/heads/--upload-pack=touch');
  t.deepEqual(await filesOf(t, made.url), { a: 'a' });
  t.false(existsSync(canary));
});

it('hostile: git is not taken from a relative folder of PATH', async (t) => {
  const folder = makeScratch('path');
  t.teardown(() => removeScratch(folder));
  const canary = join(folder, 'canary');
  writeFileSync(join(folder, 'git'), `#!/bin/sh\ntouch ${canary}\n`);
  chmodSync(join(folder, 'git'), 0o755);
  const run = runGit(['version'], {
    cwd: folder,
    environment: { path: `.:${process.env['PATH'] ?? ''}` },
    protocols: [],
    signal: new AbortController().signal,
  });
  t.regex((await run).toString(), /git version/);
  t.false(existsSync(canary));
});

it('hostile: protocols that are not allowed are refused by git too', async (t) => {
  const folder = makeScratch('protocols');
  t.teardown(() => removeScratch(folder));
  for (const url of ['file:///tmp', 'ext::sh -c id', '/tmp']) {
    const run = runGit(['ls-remote', '--', url], {
      cwd: folder,
      environment: { path: process.env['PATH'] },
      protocols: ['https', 'ssh', 'git'],
      signal: new AbortController().signal,
    });
    await t.throwsAsync(run, { message: /not allowed/ });
  }
});
