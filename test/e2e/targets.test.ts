/** Several targets in one build, contexts that nothing names, and what of a git source makes a layer another. */
import { readFileSync } from 'node:fs';
import anyTest, { type TestFn } from 'ava';
import { hasGit, startGitServer, type GitServer } from '../helpers/git-server.js';
import { filesBelow } from '../helpers/local-tree.js';
import { rawFile } from '../helpers/raw-tar.js';
import { hasCommandLine, makeWorkspace, stepVerdicts } from '../helpers/tsbuild.js';

const test = anyTest as TestFn<{ git: GitServer }>;
const it = hasCommandLine ? test : test.skip;
const withGit = hasCommandLine && hasGit ? test : test.skip;

test.before(async (t) => {
  if (hasGit) t.context.git = await startGitServer();
});
test.after.always((t) => t.context.git?.close());

const stages = `FROM scratch AS base
COPY a /
FROM base AS one
COPY a /one
FROM base AS two
COPY a /two
`;

it('each target is built, exported and named, from one context on standard input', async (t) => {
  const workspace = makeWorkspace('targets');
  t.teardown(() => workspace.remove());
  const tar = Buffer.concat([rawFile('Dockerfile', stages), rawFile('a', 'A'), Buffer.alloc(1024)]);
  const names = ['-t', 'x:{target}', '-o', 'out/{target}', '--iidfile', '{target}.id'];
  const args = ['--progress=plain', '--target=one', '--target=two', ...names, '-'];
  const ended = await workspace.tsbuild(args, { input: tar });
  t.is(ended.code, 0, ended.output);
  t.deepEqual(filesBelow(workspace.path('out')), {
    'one/a': 'A',
    'one/one': 'A',
    'two/a': 'A',
    'two/two': 'A',
  });
  const [first = '', second = ''] = ended.stdout.trim().split('\n');
  const ids = ['one.id', 'two.id'].map((file) => readFileSync(workspace.path(file), 'utf8'));
  t.deepEqual(ids, [first, second]);
  const { stdout } = await workspace.tsbuild(['images', '-q']);
  t.deepEqual(stdout.trim().split('\n').sort(), [first, second].sort());
});

it('a failing target ends the build', async (t) => {
  const workspace = makeWorkspace('targets');
  t.teardown(() => workspace.remove());
  workspace.write({ 'c/Dockerfile': stages, 'c/a': 'A' });
  const ended = await workspace.tsbuild(['--target=one', '--target=none', 'c']);
  t.is(ended.code, 2);
  t.regex(ended.stderr, /target stage "none" could not be found/);
});

const naming: readonly (readonly [rule: string, name: string, dockerfile: string, warned: boolean])[] = [
  ['FROM', 'busybox', 'FROM busybox\n', false],
  ['FROM in full', 'docker.io/library/busybox:latest', 'FROM busybox\n', false],
  ['FROM by an argument', 'b', 'ARG B=b\nFROM $B\n', false],
  ['COPY --from', 'src', 'FROM scratch\nCOPY --from=src a /\n', false],
  ['the name of a stage', 'dev', 'FROM scratch AS dev\nFROM scratch\n', false],
  ['a stage that is not built', 'src', 'FROM scratch AS x\nCOPY --from=src a /\nFROM scratch\n', false],
  ['a mount', 'src', 'FROM scratch AS x\nRUN --mount=from=src,target=/m true\nFROM scratch\n', false],
  ['ONBUILD', 'src', 'FROM scratch\nONBUILD COPY --from=src a /\n', false],
  ['nothing', 'src', 'FROM scratch\nLABEL a=src\n', true],
];
for (const [rule, name, dockerfile, warned] of naming) {
  it(`a build context named by ${rule}${warned ? ': a warning' : ''}`, async (t) => {
    const workspace = makeWorkspace('naming');
    t.teardown(() => workspace.remove());
    workspace.write({ 'c/Dockerfile': dockerfile, 's/a': 'A' });
    const ended = await workspace.tsbuild([`--build-context=${name}=s`, '--progress=plain', 'c']);
    t.is(ended.code, 0, ended.output);
    t.is(ended.stderr.includes('no instruction names the build context'), warned, ended.stderr);
  });
}

withGit('a commit is the key of ADD, and the time that its files get', async (t) => {
  const workspace = makeWorkspace('add-git');
  t.teardown(() => workspace.remove());
  const repository = await t.context.git.repository('times');
  await repository.commit({ a: '1', 'sub/b': 'b' });
  const build = async (query: string) => {
    workspace.write({ 'c/Dockerfile': `FROM scratch\nADD ${repository.url}${query} /\n` });
    const ended = await workspace.tsbuild(['--progress=plain', 'c']);
    t.is(ended.code, 0, ended.output);
    return { id: ended.stdout, cached: stepVerdicts(ended.stderr).cached.length === 1 };
  };
  const first = await build('');
  t.deepEqual(await build(''), { ...first, cached: true });
  t.true((await build('#main')).cached, 'the name of the branch does not count');
  t.false((await build('?mtime=commit')).cached);
  t.true((await build('?mtime=commit&branch=main')).cached);
  t.false((await build('#main:sub')).cached);
  await repository.commit({ c: 'a new commit' });
  t.false((await build('')).cached);
});
