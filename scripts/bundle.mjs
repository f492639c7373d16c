/**
 * Bundles the command line into dist/bundle: small CommonJS files, each loaded when it is needed, without
 * node_modules. CommonJS because it starts faster than ES modules; esbuild splits only ES modules, so every piece
 * is converted after the split.
 */
import { build, transform } from 'esbuild';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledLicences } from './bundled-licences.mjs';
import { hotFiles, mergeChunks } from './merge-chunks.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist/bundle');
const target = 'node20.19';

/** Stands for import.meta.url, which CommonJS does not have. */
const moduleUrl = '__moduleUrl';
const moduleUrlBanner = `const ${moduleUrl}=require('node:url').pathToFileURL(__filename).href;`;

const bundle = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/main.ts'],
  outdir: folder,
  outExtension: { '.js': '.cjs' },
  chunkNames: 'chunk-[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target,
  alias: { 'string-width': './scripts/string-width.mjs' },
  metafile: true,
  write: false,
  logLevel: 'warning',
});

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const files = new Map();
for (const file of bundle.outputFiles) {
  const { code } = await transform(file.text, {
    format: 'cjs',
    platform: 'node',
    target,
    // import() of CommonJS files would go through the loader of ES modules
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': moduleUrl },
    banner: file.text.includes('import.meta.url') ? moduleUrlBanner : '',
    minifySyntax: true,
    minifyWhitespace: true,
    // names stay, so that the stack in the report of a bug says something
    minifyIdentifiers: false,
  });
  files.set(basename(file.path), code);
}
for (const [name, code] of mergeChunks(files, { hot: hotFiles(bundle.metafile), target: 'engine.cjs' }))
  await writeFile(join(folder, name), code);
// its loader looks for it in its own folder
const zstd = dirname(createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm'));
await copyFile(join(zstd, 'zstd.wasm'), join(folder, 'zstd.wasm'));
await writeFile(
  join(folder, 'LICENSES.txt'),
  await bundledLicences(root, Object.keys(bundle.metafile.inputs)),
);
