/** Options that change the finished image: what buildah 1.43 does with the same files, and its images' facts. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { squashedHistory } from '../../src/build/image-edits.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { readImageFacts, type Fact } from '../helpers/image-facts.js';
import { layoutOutline } from '../helpers/layout-outline.js';
import { scratchOf } from '../helpers/stores.js';

const stages = `FROM scratch AS one
LABEL base=1 gone=1
ENV A=1 B=2
COPY a /n/a
FROM one
LABEL own=1
ENV C=3
COPY b /n/b
COPY a /b
`;

interface Setup {
  readonly folder: string;
  readonly run: (args: readonly string[]) => Promise<CliRun>;
  /** What an image is that was built with these options. */
  readonly facts: (args: readonly string[], dockerfile?: string) => Promise<readonly Fact[]>;
  readonly created: (name: string) => Promise<string | undefined>;
}

function setup(t: ExecutionContext): Setup {
  const folder = scratchOf(t);
  const context = join(folder, 'context');
  mkdirSync(context);
  for (const name of ['a', 'b']) {
    writeFileSync(join(context, name), name);
    utimesSync(join(context, name), 1_000_000_000, 1_000_000_000);
  }
  const run: Setup['run'] = (args) =>
    runCli(folder, args, { HOME: folder, TSBUILD_ROOT: join(folder, 'store') });
  let count = 0;
  const facts: Setup['facts'] = async (args, dockerfile = stages) => {
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
    const layout = join(folder, `image-${++count}`);
    await run(['build', '-q', ...args, '-o', `type=oci,tar=false,dest=${layout}`, context]);
    return readImageFacts(layout);
  };
  const created: Setup['created'] = async (name) => {
    const { stdout } = await run(['inspect', name]);
    return (JSON.parse(stdout) as { config: { created?: string } }).config.created;
  };
  return { folder, run, facts, created };
}

function labels(facts: readonly Fact[]): readonly string[] {
  const own = facts.filter(({ subject }) => subject.startsWith('config.Labels.'));
  return own.map(({ subject, value }) => `${subject.slice('config.Labels.'.length)}=${value}`).sort();
}

const treeOf = (facts: readonly Fact[]) => facts.filter(({ section }) => section === 'tree');
const layersOf = (facts: readonly Fact[]) =>
  new Set(facts.filter(({ section }) => section === 'layer').map(({ subject }) => subject.split(' ')[0]));

test('--unsetenv, --unsetlabel: gone, whoever set them', async (t) => {
  const { facts } = setup(t);
  const image = await facts(['--unsetenv=A', '--unsetlabel=gone', '--label=gone=2', '--unsetenv=none']);
  t.deepEqual(labels(image), ['base="1"', 'own="1"']);
  const env = image.filter(({ subject }) => subject.startsWith('config.Env')).map(({ value }) => value);
  t.false(env.includes('"A=1"'));
  t.true(env.includes('"B=2"'));
});

test('--env: an ENV at the head of every stage', async (t) => {
  const { facts } = setup(t);
  const image = await facts(
    ['--env', `X=it's "$HOME" \\`, '--env=A=0', '--env=UNSET_ANYWHERE'],
    `# escape=\`\n${stages}LABEL x="$X"\n`,
  );
  const env = image.filter(({ subject }) => subject.startsWith('config.Env')).map(({ value }) => value);
  t.true(env.includes(String.raw`"X=it's \"$HOME\" \\"`));
  t.true(env.includes('"A=0"'), 'set again by the second stage');
  t.false(env.some((entry) => entry.includes('UNSET')));
  t.true(labels(image).includes(String.raw`x="it's \"$HOME\" \\"`));
});

test('--inherit-labels=false: neither of the base nor of a stage below', async (t) => {
  const { facts } = setup(t);
  t.deepEqual(labels(await facts(['--inherit-labels=false', '--label=x=y'])), ['own="1"', 'x="y"']);
  t.deepEqual(labels(await facts(['--inherit-labels'])), ['base="1"', 'gone="1"', 'own="1"']);
});

test('--timestamp: the time of the image and of all files, SOURCE_DATE_EPOCH is not set', async (t) => {
  const { facts, created } = setup(t);
  const dockerfile = 'FROM scratch\nARG SOURCE_DATE_EPOCH=unset\nLABEL e=$SOURCE_DATE_EPOCH\nCOPY a /n/a\n';
  const image = await facts(['--timestamp=1000', '-t', 'app'], dockerfile);
  t.deepEqual(labels(image), ['e="unset"']);
  t.is(await created('app'), '1970-01-01T00:16:40Z');
  const times = treeOf(image).filter(
    ({ attribute, subject }) => attribute === 'mtime' && subject.startsWith('n'),
  );
  t.is(times.length, 2);
  t.is(new Set(times.map(({ value }) => value)).size, 1);
  const later = await facts(['--timestamp=2000000000'], dockerfile);
  t.not(
    treeOf(later).find(({ subject, attribute }) => subject === 'n/a' && attribute === 'mtime')?.value,
    times[0]?.value,
  );
});

test('--omit-history', async (t) => {
  const { facts, created } = setup(t);
  const image = await facts(['--omit-history', '-t', 'app']);
  t.deepEqual(
    image.filter(({ section }) => section === 'history'),
    [],
  );
  t.regex((await created('app')) ?? '', /^20/);
});

test('--rewrite-timestamp=false: the epoch is the time of the image alone', async (t) => {
  const { facts, created } = setup(t);
  const timesOf = async (args: readonly string[]) =>
    treeOf(await facts([...args, '-t', 'app'], 'FROM scratch\nCOPY a /a\n'))
      .filter(({ subject, attribute }) => subject === 'a' && attribute === 'mtime')
      .map(({ value }) => value);
  const own = await timesOf([]);
  t.deepEqual(await timesOf(['--source-date-epoch=1000', '--rewrite-timestamp=false']), own);
  t.is(await created('app'), '1970-01-01T00:16:40Z');
  t.notDeepEqual(await timesOf(['--source-date-epoch=1000', '--rewrite-timestamp']), own);
});

test('--created-annotation', async (t) => {
  const { folder, facts } = setup(t);
  await facts(['--created-annotation', '--timestamp=1000']);
  const annotations = { 'org.opencontainers.image.created': '1970-01-01T00:16:40Z' };
  t.deepEqual(layoutOutline(join(folder, 'image-1'))[0]?.annotations, annotations);
  await facts(['--created-annotation=false']);
  t.deepEqual(layoutOutline(join(folder, 'image-2'))[0]?.annotations, {});
});

test('--squash: one layer above the base, --squash-all: one of all; the same files', async (t) => {
  const { folder, run, facts } = setup(t);
  await facts(['-t', 'base']);
  const above = 'FROM base\nCOPY a /x\nCOPY b /n/c\nCOPY b /x\n';
  const plain = await facts([], above);
  t.is(layersOf(plain).size, 6);
  const squashed = await facts(['--squash', '-t', 'squashed'], above);
  t.is(layersOf(squashed).size, 4);
  t.deepEqual(treeOf(squashed), treeOf(plain));
  const all = await facts(['--squash-all'], above);
  t.is(layersOf(all).size, 1);
  t.deepEqual(treeOf(all), treeOf(plain));
  const { stdout } = await run(['history', 'squashed']);
  t.is(stdout.trim().split('\n').length, 1 + 10);
  const again = await run(['build', '--progress=plain', '--squash', '-t', 'again', join(folder, 'context')]);
  t.regex(again.stderr, /, 0 misses/);
  t.is((await run(['images', '-q', 'again'])).stdout, (await run(['images', '-q', 'squashed'])).stdout);
});

test('--from: another image below the first stage', async (t) => {
  const { facts } = setup(t);
  await facts(['-t', 'other'], 'FROM scratch\nLABEL other=1\n');
  const image = await facts(
    ['--from=other'],
    'ARG X=none.example/none\nFROM $X AS a\nFROM scratch\nFROM a\n',
  );
  t.deepEqual(labels(image), ['other="1"']);
});

const refused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [['--timestamp=1', '--source-date-epoch=2'], /exclude each other/],
  [['--timestamp=x'], /whole number/],
  [['--squash', '--cache-to=type=inline'], /--squash leaves no layers/],
  [['--timestamp=1', '--build-arg=BUILDKIT_INLINE_CACHE=1'], /--timestamp leaves no layers/],
  [['--from='], /--from is empty/],
  [['--env=A B=1'], /--env cannot set "A B"/],
  [['--env=A=1\n2'], /--env cannot set "A"/],
  [['--inherit-annotations'], /--inherit-annotations is not supported/],
];
for (const [args, message] of refused) {
  test(`refused: ${args.join(' ')}`, async (t) => {
    await t.throwsAsync(setup(t).facts(args), { message });
  });
}

test('squashed history: the last entry with a layer stands for all; shorter than the layers, it is no failure', (t) => {
  const layer = { created_by: 'COPY' };
  const empty = { created_by: 'ENV', empty_layer: true };
  const gone = { ...layer, empty_layer: true };
  t.deepEqual(squashedHistory([layer, layer, empty, layer, empty], 2), [layer, gone, empty, layer, empty]);
  t.deepEqual(squashedHistory([layer, layer], 1), [layer, layer]);
  t.deepEqual(squashedHistory([layer, layer], 5), [gone, layer]);
  t.deepEqual(squashedHistory([], 5), []);
});
