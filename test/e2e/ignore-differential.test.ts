/**
 * Random folders and random ignore files: what of the context enters the image is the same as with BuildKit.
 * TSBUILD_IGNORE_CASES=500 makes a long run of it, TSBUILD_IGNORE_SEED=7 begins elsewhere.
 */
import { basename } from 'node:path';
import test from 'ava';
import { compareImages } from '../helpers/compare-images.js';
import { readImageFacts } from '../helpers/image-facts.js';
import { isRoot } from '../helpers/programs.js';
import { Chance, randomFolder, writeFolder } from '../helpers/random-copies.js';
import { forget, startBuildkit } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const cases = Number(process.env['TSBUILD_IGNORE_CASES'] ?? '4');
const firstSeed = Number(process.env['TSBUILD_IGNORE_SEED'] ?? '1');

const buildkit = isRoot && hasCommandLine ? await startBuildkit() : undefined;
test.after.always(() => buildkit?.stop());

const words = [
  'a',
  'b',
  'c',
  'd.txt',
  'lib',
  'x y',
  '.hidden',
  'ü',
  '*',
  '**',
  '?',
  '*.txt',
  '[a-c]',
  '.*',
  'l?b',
] as const;

/** One line: a path of one to three words, perhaps an exception, perhaps anchored or with a slash behind it. */
function randomPattern(chance: Chance): string {
  const path = Array.from({ length: 1 + chance.below(3) }, () => chance.one(words)).join('/');
  const anchored = chance.percent(15) ? `/${path}` : path;
  const pattern = chance.percent(10) ? `${anchored}/` : anchored;
  const blank = chance.percent(10) ? ' ' : '';
  return `${blank}${chance.percent(40) ? '!' : ''}${pattern}${blank}`;
}

const it = buildkit === undefined ? test.serial.skip : test.serial;
for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
  it(`random ignore file, seed ${seed}`, async (t) => {
    if (buildkit === undefined) return;
    const chance = new Chance(seed);
    const workspace = makeWorkspace('ignore');
    t.teardown(() => workspace.remove());
    const name = `context-${basename(workspace.folder)}`;
    const context = workspace.path(name);
    writeFolder(context, randomFolder(chance), { owners: false });
    const rules = Array.from({ length: 1 + chance.below(5) }, () => randomPattern(chance)).join('\n');
    workspace.write({
      [`${name}/.dockerignore`]: rules,
      [`${name}/Dockerfile`]: 'FROM scratch\nCOPY . /all/\n',
    });
    const image = workspace.path('image.tar');
    const ours = await workspace.tsbuild(['build', '-q', '-o', `type=oci,dest=${image}`, context]);
    const theirs = await buildkit.build({ context });
    t.deepEqual([ours.code, theirs.code], [0, 0], `${rules}\n${ours.output}${theirs.output}`);
    const facts = [await readImageFacts(image), await readImageFacts(theirs.image)] as const;
    forget(theirs.image);
    t.deepEqual(compareImages(...facts, { builtSince: 0n, sections: ['tree'] }), [], rules);
  });
}
