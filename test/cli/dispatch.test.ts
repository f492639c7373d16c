import test from 'ava';
import { commandNames } from '../../src/cli/command-list.js';
import { TsbuildError } from '../../src/util/errors.js';
import { runCli } from '../helpers/cli-run.js';
import { scratchOf } from '../helpers/stores.js';

test('help lists every command, with and without a word', async (t) => {
  const wanted = await runCli('/', ['--help']);
  t.is(wanted.code, 0);
  for (const name of commandNames) t.regex(wanted.stdout, new RegExp(`^  ${name} `, 'm'));
  for (const args of [[], ['-h'], ['help']]) t.deepEqual(await runCli('/', args), wanted);
});

test('every command has help that names its options', async (t) => {
  for (const name of commandNames) {
    const { code, stdout } = await runCli('/', [...name.split(' '), '--help']);
    t.is(code, 0);
    t.true(stdout.startsWith(`tsbuild ${name} [OPTIONS]`), stdout);
    t.deepEqual(await runCli('/', ['help', ...name.split(' ')]), { code, stdout, stderr: '' });
  }
  t.regex((await runCli('/', ['build', '-h'])).stdout, /-t, --tag/);
});

test('help of a group lists its commands', async (t) => {
  const wanted = await runCli('/', ['cache', '--help']);
  t.is(wanted.code, 0);
  for (const name of ['ls', 'show', 'pin', 'unpin', 'du', 'prune'])
    t.regex(wanted.stdout, new RegExp(`^  cache ${name} `, 'm'));
  t.notRegex(wanted.stdout, /manifest|context/);
  for (const args of [
    ['help', 'cache'],
    ['cache', '-h'],
  ])
    t.deepEqual(await runCli('/', args), wanted);
});

test('without a command the arguments are those of build', async (t) => {
  for (const args of [
    ['--help', '-t', 'x'],
    ['-t', 'app', '--help'],
  ]) {
    t.regex((await runCli('/', args)).stdout, /tsbuild/);
  }
  t.regex((await runCli('/', ['-t', 'app', '--help'])).stdout, /^tsbuild build /);
  t.regex((await runCli('/', ['./folder', '--help'])).stdout, /^tsbuild build /);
  t.regex((await runCli('/', ['.', '--help'])).stdout, /^tsbuild build /);
});

const refuses = test.macro({
  async exec(t, args: readonly string[], message: string, hint: string) {
    const error = await t.throwsAsync(runCli('/', args), { instanceOf: TsbuildError });
    t.deepEqual([error?.code, error?.message, error?.hint], ['usage', message, hint]);
  },
  title: (_, args) => `wrong command: ${String(args)}`,
});
test(refuses, ['bild', '.'], 'unknown command "bild"', 'did you mean tsbuild build?');
test(refuses, ['imagse'], 'unknown command "imagse"', 'did you mean tsbuild images?');
test(
  refuses,
  ['somefolder'],
  'unknown command "somefolder"',
  'to build a folder, write tsbuild ./FOLDER; tsbuild --help lists the commands',
);
const cacheCommands = `there are: ${['ls', 'show', 'pin', 'unpin', 'du', 'prune'].map((name) => `tsbuild cache ${name}`).join(', ')}`;
test(refuses, ['cache'], 'tsbuild cache needs a command', cacheCommands);
test(refuses, ['cache', 'dump'], 'unknown command "cache dump"', cacheCommands);
test(
  refuses,
  ['images', 'a', 'b'],
  'tsbuild images takes 0 to 1 arguments, not "a" "b"',
  'usage: tsbuild images [OPTIONS] [NAME]',
);
test(
  refuses,
  ['tag', 'a'],
  'tsbuild tag takes at least 2 arguments, not "a"',
  'usage: tsbuild tag [OPTIONS] IMAGE NAME...',
);

test('commands of other tools are known by name', async (t) => {
  t.like(await t.throwsAsync(runCli('/', ['sign', 'x'])), {
    code: 'unsupported',
    message: 'tsbuild sign is not supported yet',
  });
  t.like(await t.throwsAsync(runCli('/', ['ps'])), {
    code: 'unsupported',
    message: 'tsbuild ps is not supported',
  });
});

test('version in words and as JSON', async (t) => {
  t.regex((await runCli('/', ['version'])).stdout, /^tsbuild \d+\.\d+\.\d+, node v\d+/);
  const facts = JSON.parse((await runCli('/', ['version', '--format', 'json'])).stdout) as Record<
    string,
    unknown
  >;
  t.is(facts['node'], process.versions.node);
});

test('build knows the flags of other builders', async (t) => {
  const root = scratchOf(t);
  const error = await t.throwsAsync(runCli(root, ['build', '--rm', '--save-stages', '.']), {
    instanceOf: TsbuildError,
  });
  t.is(error?.message, '--save-stages is not supported yet');
});
