import test from 'ava';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../helpers/programs.js';
import { projectRoot } from '../helpers/project.js';
import { scratchOf } from '../helpers/stores.js';

/** Needs what `npm run build` makes. */
const it = existsSync(join(projectRoot, 'dist/bundle/main.cjs')) ? test : test.skip;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

it('the package is small, installs without a registry and runs elsewhere', async (t) => {
  const folder = scratchOf(t, 'package');
  const npm = (...args: string[]) =>
    runProgram(
      ['npm', ...args, '--cache', join(folder, 'cache'), '--offline', '--ignore-scripts', '--no-audit'],
      {
        cwd: projectRoot,
      },
    );
  const pack = await npm('pack', '--json', '--pack-destination', folder);
  t.is(pack.code, 0, pack.stderr);
  const [packed] = JSON.parse(pack.stdout) as Packed[];
  t.truthy(packed);
  if (packed === undefined) return;
  t.true(packed.size < 1_000_000, `${packed.size} bytes`);
  t.deepEqual(
    packed.files.map(({ path }) => path).filter((path) => !/^(?:bin|dist\/bundle)\//.test(path)),
    packed.files
      .map(({ path }) => path)
      .filter((path) => /^(?:package\.json|README\.md|LICENSE)$/.test(path)),
  );

  const install = await npm(
    'install',
    '--global',
    '--prefix',
    join(folder, 'prefix'),
    join(folder, packed.filename),
  );
  t.is(install.code, 0, install.stderr);
  const run = await runProgram([join(folder, 'prefix/bin/tsbuild'), '--version'], { cwd: '/' });
  t.regex(run.stdout, /^tsbuild \d+\.\d+\.\d+\n$/);
  const build = await runProgram([join(folder, 'prefix/bin/tsbuild'), 'build', '--no-such-option', '.'], {
    cwd: '/',
  });
  t.is(build.code, 2);
  t.regex(build.stderr, /unknown option --no-such-option/);
});

test('the package has no install scripts and needs no other package', (t) => {
  const about = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const scripts = Object.keys(Object(about['scripts']) as object);
  t.deepEqual(
    scripts.filter((name) => /^(?:pre|post)?(?:install|prepare)$/.test(name)),
    [],
  );
  // everything that runs is in the bundle: a dependency would be installed and never loaded
  t.is(about['dependencies'], undefined);
});

it('the licence of every bundled package is in the bundle', (t) => {
  const text = readFileSync(join(projectRoot, 'dist/bundle/LICENSES.txt'), 'utf8');
  for (const name of ['dockerfile-ast', 'ora', 'p-limit', 'tar-stream', 'yargs']) {
    t.regex(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)\n\n[^]{300}`, 'm'));
  }
  const code = readdirSync(join(projectRoot, 'dist/bundle')).filter((name) => name.endsWith('.cjs'));
  t.true(code.length > 10);
});
