/**
 * Joins the chunks that a cached build always loads into one file: finding and reading a hundred files took longer
 * than running them. Each chunk stays a function of its own, which is called when the chunk is first required, so a
 * module is evaluated once wherever it lies.
 */
import { posix } from 'node:path';

/** Answers `--version`: stays small and by itself. */
const start = ['src/cli/main.ts'];

/** Modules whose chunks, with all that they import statically, belong to every build. */
const alwaysLoaded = [
  'src/cli/dispatch.ts',
  'src/cli/commands/build.ts',
  'src/cli/run-build.ts',
  'src/build/build.ts',
];

/** Names of the output files (of esbuild's metafile) that a build of something unchanged loads after its start. */
export function hotFiles({ outputs }) {
  const first = closure(outputs, start);
  return new Set(
    [...closure(outputs, alwaysLoaded)]
      .filter((path) => !first.has(path))
      .map((path) => posix.basename(path)),
  );
}

/** Outputs of entry points and all that they import statically. */
function closure(outputs, entryPoints) {
  const pending = Object.entries(outputs).flatMap(([path, { entryPoint }]) =>
    entryPoints.includes(entryPoint) ? [path] : [],
  );
  const found = new Set();
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (found.has(path) || outputs[path] === undefined) continue;
    found.add(path);
    for (const { kind, path: imported } of outputs[path].imports) {
      if (kind === 'import-statement') pending.push(imported);
    }
  }
  return found;
}

/**
 * `files` maps names to CommonJS code, `hot` names those to be joined into `target`. Returns the files to write:
 * `target` and the rest, whose requires of joined files go to `target`.
 */
export function mergeChunks(files, { hot, target }) {
  const isHot = (id) => hot.has(posix.basename(id));
  const joined = [...hot].map(
    (name) => `${JSON.stringify(`./${name}`)}:function(exports,module,require){${files.get(name)}\n}`,
  );
  const runtime = [
    '"use strict";',
    `const chunks={${joined.join(',\n')}};`,
    'const loaded=new Map();',
    'function load(id){',
    'const known=loaded.get(id);if(known!==undefined)return known.exports;',
    'const define=chunks[id];if(define===undefined)return require(id);',
    'const module={exports:{}};loaded.set(id,module);define(module.exports,module,load);return module.exports}',
    'exports.chunk=load;',
  ].join('\n');
  const rest = [...files]
    .filter(([name]) => !hot.has(name))
    .map(([name, code]) => [
      name,
      code.replace(/\brequire\("(\.\/[^"]+\.cjs)"\)/g, (whole, id) =>
        isHot(id) ? `require("./${target}").chunk(${JSON.stringify(id)})` : whole,
      ),
    ]);
  return new Map([[target, runtime], ...rest]);
}
