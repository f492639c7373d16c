/**
 * Random folders and random COPY and ADD lines, built by tsbuild and by BuildKit: the files are the same, or both
 * refuse. TSBUILD_COPY_CASES=1000 makes a long run of it, TSBUILD_COPY_SEED=7 begins elsewhere.
 */
import { basename } from 'node:path';
import test from 'ava';
import { compareImages, type NamedDifference } from '../helpers/compare-images.js';
import { readImageFacts } from '../helpers/image-facts.js';
import { isRoot, outputOf } from '../helpers/programs.js';
import { Chance, randomFolder, randomLine, writeFolder } from '../helpers/random-copies.js';
import { forget, startBuildkit } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';

const cases = Number(process.env['TSBUILD_COPY_CASES'] ?? '12');
const firstSeed = Number(process.env['TSBUILD_COPY_SEED'] ?? '1');
const linesPerCase = 4;

const buildkit = isRoot && hasCommandLine ? await startBuildkit() : undefined;
test.after.always(() => buildkit?.stop());

const allowed: readonly NamedDifference[] = [
  {
    why: 'a folder of the base keeps its time when entries are added to it',
    matches: ({ attribute, ours, theirs }) =>
      attribute === 'mtime' && ours !== 'when built' && theirs === 'when built',
  },
  {
    why: 'hard links between files that one word matched stay',
    matches: ({ attribute, theirs }) => attribute === 'links' && theirs === undefined,
  },
];

/** What one seed makes; the context lies in a folder of its own name. */
async function prepare(workspace: Workspace, seed: number): Promise<{ context: string; lines: string[] }> {
  const chance = new Chance(seed);
  const folders = {
    context: randomFolder(chance),
    stage: randomFolder(chance),
    base: randomFolder(chance),
  };
  const context = workspace.path(`context-${basename(workspace.folder)}`);
  writeFolder(context, folders.context, { owners: false });
  for (const name of ['stage', 'base'] as const) {
    writeFolder(workspace.path(name), folders[name], { owners: true });
    await outputOf(['tar', '-C', workspace.path(name), '-cf', `${context}/zz-${name}.tar`, '.']);
  }
  await outputOf([
    'touch',
    '-d',
    '@1600000000',
    `${context}/zz-stage.tar`,
    `${context}/zz-base.tar`,
    context,
  ]);
  return { context, lines: Array.from({ length: linesPerCase }, () => randomLine(chance, folders)) };
}

/** What differs for some lines; empty when both builders agree. */
async function differences(
  workspace: Workspace,
  context: string,
  lines: readonly string[],
): Promise<readonly string[]> {
  const head = [
    'FROM scratch AS src',
    'ADD zz-stage.tar /',
    'FROM scratch',
    'ADD zz-base.tar /',
    'WORKDIR /w',
  ];
  workspace.write({ Dockerfile: `${[...head, ...lines].join('\n')}\n` });
  const args = ['-f', workspace.path('Dockerfile')];
  const builtSince = BigInt(Date.now() - 60_000) * 1_000_000n;
  const image = workspace.path('image.tar');
  const output = ['--progress', 'plain', '-o', `type=oci,dest=${image}`];
  const ours = await workspace.tsbuild(['build', ...output, ...args, context]);
  const theirs = await buildkit?.build({ context, args });
  if (theirs === undefined) return ['BuildKit is gone'];
  if (ours.code !== 0 || theirs.code !== 0) return oneSided(ours, theirs);
  const facts = [await readImageFacts(image), await readImageFacts(theirs.image)] as const;
  forget(theirs.image);
  return compareImages(...facts, { builtSince, allowed, sections: ['tree'] });
}

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Where one builder refuses on purpose, or by mistake, what the other builds. */
const refusals: readonly {
  readonly why: string;
  readonly matches: (ours: Outcome, theirs: Outcome) => boolean;
}[] = [
  {
    why: 'files that would overwrite each other are an error: the slash behind the destination was forgotten',
    matches: ({ output }) => /would both be copied to/.test(output),
  },
  {
    why: 'a folder of the context in which a wildcard matches nothing never reaches BuildKit',
    matches: (_, { output }) => /lstat .*: no such file or directory/.test(output),
  },
];

function oneSided(ours: Outcome, theirs: Outcome): readonly string[] {
  if (ours.code > 4) return [`ours ends with ${ours.code}: ${ours.output}`];
  if (ours.code !== 0 && theirs.code !== 0) return [];
  if (refusals.some(({ matches }) => matches(ours, theirs))) return [];
  return ours.code === 0
    ? [`BuildKit refuses: ${theirs.output.split('\n').slice(-3).join(' ')}`]
    : [`only ours refuses: ${ours.output.split('\n').slice(-4).join(' ')}`];
}

const it = buildkit === undefined ? test.serial.skip : test.serial;

for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
  it(`random copies, seed ${seed}`, async (t) => {
    const workspace = makeWorkspace('copies');
    try {
      const { context, lines } = await prepare(workspace, seed);
      const found = await differences(workspace, context, lines);
      if (found.length === 0) return void t.pass();
      for (const line of lines) {
        const alone = await differences(workspace, context, [line]);
        if (alone.length > 0) t.fail(`${line}\n${alone.join('\n')}`);
      }
      t.fail(`${lines.join('\n')}\n${found.join('\n')}`);
    } finally {
      await workspace.remove();
    }
  });
}
