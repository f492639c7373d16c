import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names, versions and licence texts of the packages that a bundle contains. `inputs` are its files, relative to
 * `root`. Throws when a package comes without a licence text.
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
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence text`);
  return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`;
}
