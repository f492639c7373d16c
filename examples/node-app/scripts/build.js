// Bundles pages and assets into dist/bundle.json, with the hash of the style sheet in its name, and copies the code.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json'));

const css = read('src/assets/style.css').replace(/\s+/g, ' ').trim();
const stylesheet = `/style.${createHash('sha256').update(css).digest('hex').slice(0, 8)}.css`;

const pages = {};
for (const file of readdirSync(new URL('../src/pages', import.meta.url)).sort()) {
  if (file === 'layout.html') continue;
  const name = file.replace(/\.html$/, '');
  const body = read(`src/pages/${file}`);
  const title = /<h1>(.*?)<\/h1>/.exec(body)?.[1] ?? name;
  pages[name === 'index' ? '/' : `/${name}`] = { title, body };
}

mkdirSync('dist', { recursive: true });
const bundle = { version, stylesheet, layout: read('src/pages/layout.html'), pages, assets: { [stylesheet]: css } };
writeFileSync('dist/bundle.json', JSON.stringify(bundle));
for (const file of ['app.js', 'server.js', 'healthcheck.js']) copyFileSync(`src/${file}`, `dist/${file}`);
console.log(`bundled ${Object.keys(pages).length} pages`);
