/**
 * Random folders and random COPY and ADD lines, built by tsbuild, by BuildKit and, line by line, by buildah: the files
 * are the same, or both refuse. Where buildah and BuildKit disagree, BuildKit is right, and what buildah does is named.
 * TSBUILD_COPY_CASES=1000 makes a long run of it, TSBUILD_COPY_SEED=7 begins elsewhere.
 */
import { basename } from 'node:path';
import test from 'ava';
import { compareImages } from '../helpers/compare-images.js';
import { readImageFacts } from '../helpers/image-facts.js';
import { isRoot, outputOf } from '../helpers/programs.js';
import { Chance, randomFolder, randomLine, writeFolder } from '../helpers/random-copies.js';
import { forget, startBuildah, startBuildkit, type Reference } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';
import { buildahPeer, buildkitPeer, type Outcome, type Peer } from './copy-peers.js';

const cases = Number(process.env['TSBUILD_COPY_CASES'] ?? '12');
const firstSeed = Number(process.env['TSBUILD_COPY_SEED'] ?? '1');
/** buildah is asked for each line by itself, which takes longer. */
const casesOfBuildah = Math.ceil(cases / 6);
const linesPerCase = 4;

const ready = isRoot && hasCommandLine;
const buildkit = ready ? await startBuildkit() : undefined;
const buildah = ready ? startBuildah() : undefined;
test.after.always(async () => {
  await buildkit?.stop();
  await buildah?.stop();
});

interface Asked {
  readonly reference: Reference;
  readonly peer: Peer;
}

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
  const archives = [`${context}/zz-stage.tar`, `${context}/zz-base.tar`];
  await outputOf(['touch', '-d', '@1600000000', ...archives, context]);
  return { context, lines: Array.from({ length: linesPerCase }, () => randomLine(chance, folders)) };
}

interface Copies {
  readonly workspace: Workspace;
  readonly context: string;
  readonly lines: readonly string[];
}

/** What differs for some lines; empty when both builders agree. */
async function differences(
  { workspace, context, lines }: Copies,
  { reference, peer }: Asked,
): Promise<readonly string[]> {
  const source = ['FROM scratch AS src', 'ADD zz-stage.tar /'];
  const target = ['FROM scratch', 'ADD zz-base.tar /', 'WORKDIR /w'];
  workspace.write({ Dockerfile: `${[...source, ...target, ...lines].join('\n')}\n` });
  const args = ['-f', workspace.path('Dockerfile')];
  const builtSince = BigInt(Date.now() - 60_000) * 1_000_000n;
  const image = workspace.path('image.tar');
  const output = ['--progress', 'plain', '-o', `type=oci,dest=${image}`];
  const ours = await workspace.tsbuild(['build', ...output, ...args, context]);
  const theirs = await reference.build({ context, args });
  if (ours.code !== 0 || theirs.code !== 0) return oneSided(ours, theirs, peer);
  const facts = [await readImageFacts(image), await readImageFacts(theirs.image)] as const;
  forget(theirs.image);
  return compareImages(...facts, { builtSince, allowed: peer.differs(lines), sections: ['tree'] });
}

function oneSided(ours: Outcome, theirs: Outcome, { refusals }: Peer): readonly string[] {
  if (ours.code > 4) return [`ours ends with ${ours.code}: ${ours.output}`];
  if (ours.code !== 0 && theirs.code !== 0) return [];
  if (refusals.some(({ matches }) => matches(ours, theirs))) return [];
  const [who, { output }] = ours.code === 0 ? ['only theirs', theirs] : ['only ours', ours];
  return [`${who} refuses: ${output.split('\n').slice(-4).join(' ')}`];
}

/** Differences of each line by itself. */
async function oneByOne(copies: Copies, asked: Asked): Promise<readonly string[]> {
  const found: string[] = [];
  for (const line of copies.lines) {
    const alone = await differences({ ...copies, lines: [line] }, asked);
    if (alone.length > 0) found.push(`${line}\n${alone.join('\n')}`);
  }
  return found;
}

const withBuildkit = buildkit === undefined ? test.serial.skip : test.serial;
for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
  withBuildkit(`random copies, seed ${seed}`, async (t) => {
    if (buildkit === undefined) return;
    const asked = { reference: buildkit, peer: buildkitPeer };
    const workspace = makeWorkspace('copies');
    t.teardown(() => workspace.remove());
    const copies = { workspace, ...(await prepare(workspace, seed)) };
    const found = await differences(copies, asked);
    if (found.length === 0) return void t.pass();
    t.fail([...(await oneByOne(copies, asked)), copies.lines.join('\n'), ...found].join('\n'));
  });
}

const withBuildah = buildah === undefined ? test.serial.skip : test.serial;
for (let seed = firstSeed; seed < firstSeed + casesOfBuildah; seed++) {
  withBuildah(`random copies with buildah, seed ${seed}`, async (t) => {
    if (buildah === undefined) return;
    const workspace = makeWorkspace('copies');
    t.teardown(() => workspace.remove());
    const copies = { workspace, ...(await prepare(workspace, seed)) };
    t.deepEqual(await oneByOne(copies, { reference: buildah, peer: buildahPeer }), []);
  });
}
