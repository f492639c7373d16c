/** `tsbuild context ls`: what enters a build, how large it is, and which rule keeps the rest out. */
import { linkSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { rawFile } from '../helpers/raw-tar.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';

const it = hasCommandLine ? test : test.skip;

function workspaceOf(t: ExecutionContext, files: Record<string, string>): Workspace {
  const workspace = makeWorkspace('context-ls');
  t.teardown(() => workspace.remove());
  workspace.write(files);
  return workspace;
}

async function rows(workspace: Workspace, ...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await workspace.tsbuild(['context', 'ls', ...args]);
  return stdout.split('\n').map((line) => line.trim().replaceAll(/\s{2,}/g, ' | '));
}

const project = {
  'c/Dockerfile': 'FROM scratch\n',
  'c/src/a': 'x'.repeat(2000),
  'c/src/deep/b': 'x'.repeat(500),
  'c/lib/z': 'x'.repeat(3000),
  'c/skip/s': 'x',
  'c/.dockerignore': '# comment\nskip\n*.log\n!kept.log\n',
  'c/some.log': '',
  'c/kept.log': 'xy',
};

it('folders by size, the largest first, and the sum', async (t) => {
  t.deepEqual(await rows(workspaceOf(t, project), 'c'), [
    'SIZE | FILES | PATH',
    '3.0 kB | 1 | lib/',
    '2.5 kB | 2 | src/',
    '31 B | .dockerignore',
    '13 B | Dockerfile',
    '2 B | kept.log',
    '5.5 kB | 6 | total',
    '',
    '2 files are kept out (1 B): --why names the rules.',
    '',
  ]);
});

it('--depth goes into folders', async (t) => {
  const found = await rows(workspaceOf(t, project), '--depth=3', 'c');
  t.deepEqual(found.slice(1, 7), [
    '3.0 kB | 1 | lib/',
    '3.0 kB | lib/z',
    '2.5 kB | 2 | src/',
    '2.0 kB | src/a',
    '500 B | 1 | src/deep/',
    '500 B | src/deep/b',
  ]);
});

it('--why names the file, the line and the pattern', async (t) => {
  const found = await rows(workspaceOf(t, project), '--why', 'c');
  t.deepEqual(found.slice(found.indexOf('') + 1), [
    'SIZE | FILES | KEPT OUT | BY | PATTERN',
    '1 B | 1 | skip/ | .dockerignore:2 | skip',
    '0 B | some.log | .dockerignore:3 | *.log',
    '1 B | 2 | total',
    '',
  ]);
});

it('--why without rules says that nothing is kept out', async (t) => {
  const { stdout } = await workspaceOf(t, { a: '' }).tsbuild(['context', 'ls', '--why']);
  t.regex(stdout, /Nothing is kept out/);
});

it('the ignore file beside the Dockerfile, and --ignorefile', async (t) => {
  const workspace = workspaceOf(t, { ...project, 'o/D': '', 'o/D.dockerignore': 'lib', i: 'src' });
  const by = async (...args: readonly string[]) =>
    (await rows(workspace, '--why', ...args, 'c')).filter((row) => / \| .*:\d/.test(row));
  t.deepEqual(await by('-f', 'o/D'), ['3.0 kB | 1 | lib/ | D.dockerignore:1 | lib']);
  t.deepEqual(await by('--ignorefile', 'i'), ['2.5 kB | 2 | src/ | i:1 | src']);
});

it('JSON: one object a line, everything at any depth', async (t) => {
  const { stdout } = await workspaceOf(t, project).tsbuild(['context', 'ls', '--why', '--format=json', 'c']);
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.deepEqual(
    found.find((item) => 'path' in item && item.path === 'src/deep/b'),
    { path: 'src/deep/b', type: 'file', size: 500 },
  );
  t.deepEqual(
    found.find((item) => 'path' in item && item.path === 'skip'),
    {
      path: 'skip',
      excluded: true,
      type: 'directory',
      files: 1,
      size: 1,
      file: '.dockerignore',
      line: 2,
      pattern: 'skip',
    },
  );
});

it('--why counts what exceptions bring back among what enters', async (t) => {
  const workspace = workspaceOf(t, {
    'c/m/a/keep': 'x'.repeat(10),
    'c/m/a/drop': 'x'.repeat(100),
    'c/m/b/drop': 'x'.repeat(1000),
    'c/.git/HEAD': 'ref',
    'c/.dockerignore': '.git\nm\n!m/*/keep\n',
  });
  t.deepEqual(await rows(workspace, '--why', '--depth=3', 'c'), [
    'SIZE | FILES | PATH',
    '17 B | .dockerignore',
    '10 B | 1 | m/',
    '10 B | 1 | m/a/',
    '10 B | m/a/keep',
    '27 B | 2 | total',
    '',
    'SIZE | FILES | KEPT OUT | BY | PATTERN',
    '3 B | 1 | .git/ | .dockerignore:1 | .git',
    '1.1 kB | 2 | m/ | .dockerignore:2 | m',
    '1.1 kB | 3 | total',
    '',
  ]);
});

it('hard links count once', async (t) => {
  const workspace = workspaceOf(t, { 'c/a': 'x'.repeat(1000) });
  linkSync(workspace.path('c/a'), workspace.path('c/b'));
  t.true((await rows(workspace, 'c')).includes('1.0 kB | 1 | total'));
});

it('a tar on standard input', async (t) => {
  const input = Buffer.concat([rawFile('a', 'A'), rawFile('d/b', 'BB'), Buffer.alloc(1024)]);
  const { stdout } = await workspaceOf(t, {}).tsbuild(['context', 'ls', '-'], { input });
  t.regex(stdout, /2 B +1 +d\//);
});

it('control characters of names are shown, not written', async (t) => {
  const { stdout } = await workspaceOf(t, { 'a\u001b[31m': '' }).tsbuild(['context', 'ls']);
  t.false(stdout.includes('\u001b'));
});

it('nothing is left in the store of builds', async (t) => {
  const workspace = workspaceOf(t, project);
  await workspace.tsbuild(['context', 'ls', 'c']);
  const { stdout } = await workspace.tsbuild(['cache', 'du', '--format=json']);
  t.false(/"count":[1-9]/.test(stdout));
});
