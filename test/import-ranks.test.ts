/** The dependency rule of docs/architecture.md: a file imports from its own folder or from a lower rank only. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import { projectRoot } from './helpers/project.js';

const ranks: Readonly<Record<string, number>> = {
  util: 0,
  oci: 1,
  sys: 1,
  parser: 2,
  store: 2,
  progress: 2,
  layers: 3,
  registry: 3,
  executor: 4,
  cache: 4,
  remote: 4,
  graph: 5,
  image: 6,
  build: 7,
  cli: 8,
};

/** Files that are functions over values: no I/O module of Node may be imported. */
const pure = [
  /^oci\//,
  /^parser\//,
  /^cache\/(key|explain)\.ts$/,
  /^graph\/lower\//,
  /^graph\/(vertex|ops|plan)\.ts$/,
  /^layers\/(tree|apply|diff|compose|resolve|select|copy|mkdir|prune|content-digest|changeset|changeset-json)\.ts$/,
];
const io = /^node:(fs|child_process|net|http|https|worker_threads|os|process)/;

const source = join(projectRoot, 'src');
const files = (readdirSync(source, { recursive: true, encoding: 'utf8' }) as string[]).filter((f) =>
  f.endsWith('.ts'),
);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  /** By `import()`. */
  readonly lazy: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8');
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(type\s+)?[^;]*?from '([^']+)'/gm),
    ...text.matchAll(/\b(import)\('([^']+)'\)/g),
  ];
  return found.map(([, kind, to = '']) => ({
    from: file,
    to,
    typeOnly: kind?.trim() === 'type',
    lazy: kind === 'import',
  }));
}

const imports = files.flatMap(importsOf);
const folderOf = (file: string) => file.split('/')[0] ?? '';

test('every folder of src has a rank', (t) => {
  t.deepEqual([...new Set(files.map(folderOf))].sort(), Object.keys(ranks).sort());
});

test('a file imports from its own folder or a lower rank', (t) => {
  const wrong = imports.filter(({ from, to, typeOnly }) => {
    if (!to.startsWith('.')) return false;
    const target = relative(source, join(source, dirname(from), to));
    const [own, other] = [folderOf(from), folderOf(target)];
    // Values of these two are the vocabulary of everything; types alone make no dependency at run time.
    if (typeOnly && /^(progress\/event|layers\/types)\.js$/.test(target)) return false;
    return own !== other && (ranks[other] ?? 99) >= (ranks[own] ?? -1);
  });
  t.deepEqual(
    wrong.map(({ from, to }) => `${from} → ${to}`),
    [],
  );
});

test('pure files import no I/O', (t) => {
  const wrong = imports.filter(({ from, to }) => io.test(to) && pure.some((pattern) => pattern.test(from)));
  t.deepEqual(
    wrong.map(({ from, to }) => `${from} → ${to}`),
    [],
  );
});

test('no CommonJS package is imported lazily: in the bundle it would have no named exports', (t) => {
  const packages = imports.filter(({ to, lazy }) => lazy && !to.startsWith('.') && !to.startsWith('node:'));
  const wrong = packages.filter(({ to }) => {
    const description = readFileSync(join(projectRoot, 'node_modules', to, 'package.json'), 'utf8');
    return (JSON.parse(description) as { readonly type?: string }).type !== 'module';
  });
  t.true(packages.length > 0);
  t.deepEqual(
    wrong.map(({ from, to }) => `${from} → ${to}`),
    [],
  );
});

test('one file imports dockerfile-ast', (t) => {
  t.deepEqual(
    [...new Set(imports.filter(({ to }) => to === 'dockerfile-ast').map(({ from }) => from))],
    ['parser/ast.ts'],
  );
});

// In src/executor `process` is the step's: src/executor/types.ts.
test('core code neither prints nor reads the environment', (t) => {
  const wrong = files
    .filter((file) => folderOf(file) !== 'cli' && folderOf(file) !== 'executor')
    .filter((file) =>
      /\bconsole\.|(?<![.\w])process\.(env|stdout|stderr|exit|argv)\b/.test(
        readFileSync(join(source, file), 'utf8'),
      ),
    );
  t.deepEqual(wrong, []);
});
