import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names, versions and licence texts of the packages that a bundle contains. `inputs` are its files, relative to
 * `root`. Throws when a package's licence text
 * is neither in it nor known.
 */
export async function bundledLicences(root, inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match !== null) folders.add(match[1]);
  }
  const parts = ['The files beside this one contain the packages listed here.\n'];
  for (const folder of [...folders].sort()) parts.push(await licenceOf(join(root, folder)));
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenceOf(folder) {
  const about = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.|-|$)/i.test(entry));
  const text = file === undefined ? statedLicence(about) : await readFile(join(folder, file), 'utf8');
  return `${about.name} ${about.version} (${about.license})\n\n${text.trim()}\n`;
}

/** The licence text of a package that names the MIT licence and its authors in package.json only. */
function statedLicence({ name, license, author, contributors = [] }) {
  if (license !== 'MIT' || author === undefined) throw new Error(`${name} has no licence text`);
  const people = [author, ...contributors].map((person) =>
    typeof person === 'string' ? person : person.name,
  );
  return mit.replace(
    'HOLDERS',
    [...new Set(people.map((person) => person.replace(/\s*<.*/, '')))].join(', '),
  );
}

const mit = `Copyright (c) HOLDERS

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
