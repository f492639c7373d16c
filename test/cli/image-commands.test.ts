import test from 'ava';
import { openStore } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { putImage, scratchOf } from '../helpers/stores.js';
import type { ExecutionContext } from 'ava';

interface Setup {
  readonly app: string;
  readonly tool: string;
  readonly run: (...args: string[]) => Promise<CliRun>;
}

const name = (short: string): string => `docker.io/library/${short}`;

/** A store with `app:1` and `app:2` (one image) and `tool:latest` for two platforms. */
async function setup(t: ExecutionContext): Promise<Setup> {
  const root = `${scratchOf(t)}/store`;
  const store = await openStore(root);
  const app = await putImage(store, ['one', 'two']);
  const tool = await putImage(store, ['three']);
  const other = { ...(await putImage(store, ['four'])), platform: { os: 'linux', architecture: 'riscv64' } };
  await store.references.set(name('app:1'), app);
  await store.references.set(name('app:2'), app);
  await store.references.set(name('tool:latest'), {
    kind: 'index',
    index: tool.manifest,
    images: [tool, other],
  });
  await store.close();
  return { app: app.config, tool: tool.config, run: (...args) => runCli(root, args) };
}

const short = (digest: string): string => digest.slice(7, 19);

test('images is a table with a row per name and platform', async (t) => {
  const { app, tool, run } = await setup(t);
  const lines = (await run('images')).stdout.split('\n');
  t.regex(lines[0] ?? '', /^NAME +IMAGE ID +SIZE +CREATED +PLATFORM$/);
  t.regex(lines[1] ?? '', new RegExp(`^app:1 +${short(app)} +\\d+ B +unknown +linux/amd64$`));
  t.regex(lines[2] ?? '', new RegExp(`^app:2 +${short(app)} `));
  t.regex(lines[3] ?? '', new RegExp(`^tool:latest +${short(tool)} .*linux/amd64$`));
  t.regex(lines[4] ?? '', /^tool:latest .*linux\/riscv64$/);
  t.is(lines.length, 6);
});

test('images: names, ids and JSON', async (t) => {
  const { app, run } = await setup(t);
  t.is((await run('images', '-q', 'app')).stdout, `${app}\n`);
  t.is((await run('images', 'app:2')).stdout.split('\n').length, 3);
  t.is((await run('images', 'ap')).stdout.split('\n').length, 2);
  const rows = (await run('images', '--format=json')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(
    [rows.length, rows[0]?.['name'], rows[0]?.['id'], rows[0]?.['platform']],
    [4, 'app:1', app, 'linux/amd64'],
  );
});

test('tag gives another name, by name or by id', async (t) => {
  const { app, run } = await setup(t);
  t.deepEqual(await run('tag', 'app:1', 'ghcr.io/o/app', 'copy:3'), { code: 0, stdout: '', stderr: '' });
  await run('tag', short(app), 'byid');
  for (const given of ['ghcr.io/o/app:latest', 'copy:3', 'byid:latest']) {
    t.is((await run('images', '-q', given)).stdout, `${app}\n`, given);
  }
});

test('rmi removes names', async (t) => {
  const { run } = await setup(t);
  t.is((await run('rmi', 'app:1', 'tool')).stdout, 'untagged app:1\nuntagged tool:latest\n');
  t.is((await run('images')).stdout.split('\n').length, 3);
});

test('rmi of an id with several names wants --force', async (t) => {
  const { app, run } = await setup(t);
  const error = await t.throwsAsync(run('rmi', short(app)), { instanceOf: TsbuildError });
  t.regex(error?.hint ?? '', /app:1 app:2$/);
  t.is((await run('rmi', '-f', short(app), 'nothing')).stdout, 'untagged app:1\nuntagged app:2\n');
});

test('inspect prints digests and the configuration', async (t) => {
  const { app, run } = await setup(t);
  const facts = JSON.parse((await run('inspect', 'app:1')).stdout) as Record<string, unknown>;
  t.deepEqual(facts['names'], ['app:1']);
  t.is(facts['id'], app);
  t.like(facts['config'], { architecture: 'amd64', config: { Cmd: ['/hello'] } });
  const byId = JSON.parse((await run('inspect', app)).stdout) as Record<string, unknown>;
  t.deepEqual(byId['names'], ['app:1', 'app:2']);
});

test('inspect --layers and history show what made each layer', async (t) => {
  const { run } = await setup(t);
  const layers = (await run('inspect', '--layers', 'app:1')).stdout.split('\n');
  t.regex(layers[1] ?? '', /^1 +[0-9a-f]{12} +\d+ B +- +- +- +COPY one \/$/);
  t.regex(layers[2] ?? '', /^2 .*COPY two \/$/);
  const history = (await run('history', 'app:1')).stdout.split('\n');
  t.regex(history[1] ?? '', /^\d+ years ago +\d+ B +[0-9a-f]{12} +- +- +- +COPY two \/$/);
  t.regex(history[2] ?? '', /COPY one \/$/);
});

test('a name for several platforms means the machine’s own, or the one chosen', async (t) => {
  const { run } = await setup(t);
  t.regex((await run('history', '--platform', 'linux/riscv64', 'tool')).stdout, /COPY four/);
  const error = await t.throwsAsync(run('history', '--platform', 'linux/s390x', 'tool'), {
    instanceOf: TsbuildError,
  });
  t.regex(error?.hint ?? '', /linux\/amd64, linux\/riscv64$/);
});

const unknown = test.macro({
  async exec(t, text: string, hint: string) {
    const { run } = await setup(t);
    const error = await t.throwsAsync(run('inspect', text), { instanceOf: TsbuildError });
    t.deepEqual([error?.code, error?.hint], ['image', hint]);
  },
  title: (_, text) => `unknown image: ${text}`,
});
test(unknown, 'aqp:1', 'did you mean app:1?');
test(unknown, 'ffffffffffffffff', 'tsbuild images lists what there is');
test(unknown, 'UPPER', 'tsbuild images lists what there is');

test('cache du counts, cache prune deletes what no name needs', async (t) => {
  const { run } = await setup(t);
  await run('rmi', 'tool');
  t.regex((await run('cache', 'du')).stdout, /^images +1 +[^]*^other blobs +6 +/m);
  t.regex((await run('cache', 'prune', '--dry-run')).stdout, /^would delete 6 blobs/);
  t.regex((await run('cache', 'prune', '--all')).stdout, /^deleted 6 blobs/);
  t.regex((await run('cache', 'prune')).stdout, /^deleted 0 blobs/);
  t.regex((await run('inspect', 'app:1')).stdout, /"architecture"/);
  const rows = (await run('cache', 'du', '--format', 'json')).stdout.trim().split('\n');
  t.like(JSON.parse(rows[1] ?? ''), { kind: 'other blobs', count: 0 });
});

test('cache prune refuses a filter that it does not know', async (t) => {
  const { run } = await setup(t);
  await t.throwsAsync(run('cache', 'prune', '--filter', 'label=x'), { message: /does not know "label"/ });
});
