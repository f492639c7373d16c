/** Runs test files again in the places that builds run in, and declares each of their tests under its own name. */
import { chownSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeNodes } from '../../src/sys/nodes.js';
import { toByteString } from '../../src/util/bytes.js';
import { delegateGroups } from './delegated-groups.js';
import { projectRoot } from './project.js';
import { isRoot, missingOf, runProgram } from './programs.js';
import { testCache } from './scratch.js';

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const launcher = join(out, 'test/helpers/in-place.js');

/**
 * `rootless`: a user with subordinate ids; `single-id`: one without; `overlay`: root, with temporary folders and stores
 * on an overlay; `container`: root with the rights that a container gets by default.
 */
export type Place = 'rootless' | 'single-id' | 'overlay' | 'container';

/** A user that exists nowhere, and so has no subordinate ids. */
const strangerId = 64_322;

interface Result {
  readonly title: string;
  readonly verdict: 'passed' | 'failed' | 'left out';
  readonly diagnosis: string;
}

/** TAP as AVA writes it: each result, and the lines that follow a failure. */
function readTap(text: string): Result[] {
  const results: Result[] = [];
  for (const part of text.split(/^(?=(?:not )?ok \d+ - )/m)) {
    const [, not, name = '', skip] = /^(not )?ok \d+ - (.*?)( # SKIP.*)?$/m.exec(part) ?? [];
    if (!/^(not )?ok /.test(part)) continue;
    const short = name.replace(/^\S+ › /, '');
    const title = results.some((other) => other.title === short) ? `${short} (${results.length})` : short;
    const verdict = skip === undefined ? (not === undefined ? 'passed' : 'failed') : 'left out';
    results.push({ title, verdict, diagnosis: part.slice(0, 4000) });
  }
  return results;
}

/** Where the tests of which compiled files are run; files are paths below `test`, without `.test.js`. */
export type Plan = readonly (readonly [place: Place, files: readonly string[]])[];

/**
 * Runs the files, and declares one test for each of theirs, named with its place. To be awaited first in a test file. With
 * `titles`, patterns of AVA, only tests with such titles.
 */
export async function declareInPlaces(plan: Plan, titles: readonly string[] = []): Promise<void> {
  const runs: (() => void)[] = [];
  for (const [place, files] of plan) runs.push(await runIn(place, files, titles));
  for (const declare of runs) declare();
}

async function runIn(place: Place, files: readonly string[], titles: readonly string[]): Promise<() => void> {
  const needs = place === 'rootless' ? ['useradd', 'userdel', 'newuidmap'] : [];
  if (!isRoot || missingOf(needs).length > 0)
    return () => test.skip(`[${place}] ${files.join(', ')}`, (t) => t.pass());
  const { output, results } = await runFiles(place, files, titles);
  return () => {
    for (const { title, verdict, diagnosis } of results) {
      if (verdict === 'left out') continue;
      test(`${title} [${place}]`, (t) => void (verdict === 'passed' ? t.pass() : t.fail(diagnosis)));
    }
    declareSum(place, files, { output, results });
  };
}

function declareSum(place: Place, files: readonly string[], { output, results }: Ran): void {
  const leftOut = results.filter(({ verdict }) => verdict === 'left out').map(({ title }) => title);
  test(`[${place}] the tests were run; what cannot be expressed there says why`, (t) => {
    t.true(results.length - leftOut.length >= files.length, output.slice(-4000));
    for (const title of leftOut) {
      t.log(title);
      t.regex(title, / \(.+\)$/, 'a reason');
    }
  });
}

interface Ran {
  readonly output: string;
  readonly results: readonly Result[];
}

async function runFiles(place: Place, files: readonly string[], titles: readonly string[]): Promise<Ran> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `tsbuild-${place}-`)));
  const user = place === 'rootless' ? await addUser() : undefined;
  const userId = user?.id ?? strangerId;
  const groups = place === 'rootless' || place === 'single-id' ? delegateGroups(userId) : undefined;
  try {
    // Everybody may open it, except where a container was given it.
    await makeNodes([
      { path: toByteString(`${folder}/tun`), type: 'char', mode: 0o666, major: 10, minor: 200 },
    ]);
    const { cwd, argv, env } = commandIn(place, folder, userId);
    const enter = ['/bin/sh', '-c', `${enterScript(groups?.entered ?? [])} exec "$@"`, 'sh'];
    const ava = [
      'node_modules/ava/entrypoints/cli.mjs',
      '--tap',
      '--concurrency=2',
      '--timeout=4m',
      ...titles.map((title) => `--match=${title}`),
    ];
    const tests = files.map((name) => `${out}/test/${name}.test.js`);
    const ended = await runProgram([...enter, ...argv, process.execPath, ...ava, ...tests], {
      cwd: projectRoot,
      timeout: 280_000,
      env: { ...env, PWD: cwd, TSBUILD_PLACE: place, TSBUILD_OUT: out },
    });
    const results = readTap(ended.stdout);
    const silent = ended.code !== 0 && results.every(({ verdict }) => verdict !== 'failed');
    const crash: Result = { title: 'the run of the tests ended', verdict: 'failed', diagnosis: ended.output };
    return { output: ended.output, results: silent ? [...results, crash] : results };
  } finally {
    await user?.remove();
    groups?.remove();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Writing 0 moves the writer. */
function enterScript(groups: readonly string[]): string {
  return groups.map((group) => `echo 0 > '${group}/cgroup.procs';`).join(' ');
}

interface Command {
  readonly cwd: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What starts a program in a place. Users who are not root see the checkout and the kept bases below `folder`. */
function commandIn(place: Place, folder: string, userId: number): Command {
  const inPlace = (...args: string[]): string[] => [process.execPath, launcher, ...args];
  if (place === 'overlay')
    return { cwd: projectRoot, argv: inPlace(`overlay:${folder}`), env: { TMPDIR: folder } };
  if (place === 'container') return { cwd: projectRoot, argv: inPlace(place), env: { TMPDIR: folder } };
  const [checkout, bases, temporary] = ['checkout', 'cache/bases', 'tmp'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  for (const path of [checkout, bases, temporary]) mkdirSync(path, { recursive: true });
  for (const path of [folder, temporary]) chownSync(path, userId, userId);
  mkdirSync(join(testCache, 'bases'), { recursive: true });
  const tun = existsSync('/dev/net/tun') ? [`${folder}/tun=/dev/net/tun`] : [];
  const shown = [`${projectRoot}=${checkout}`, `${join(testCache, 'bases')}=${bases}`, ...tun];
  return {
    cwd: checkout,
    argv: [
      ...inPlace(`user-${userId}@${shown.join('@')}`, '/usr/bin/env', '-C', checkout),
      ...inPlace(place),
    ],
    env: { TMPDIR: temporary, TSBUILD_TEST_CACHE: join(folder, 'cache'), HOME: temporary },
  };
}

async function addUser(): Promise<{ readonly id: number; remove(): Promise<unknown> }> {
  const name = `tsp${process.pid}`;
  const added = await runProgram(['useradd', '--no-create-home', name]);
  if (added.code !== 0) throw new Error(added.output);
  const id = Number((await runProgram(['id', '-u', name])).stdout);
  return { id, remove: () => runProgram(['userdel', name]) };
}
