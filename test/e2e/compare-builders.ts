/** Builds a Dockerfile with tsbuild, BuildKit and buildah, and compares every file and every member of the config. */
import { basename } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { compareImages } from '../helpers/compare-images.js';
import type { NamedDifference } from '../helpers/compare-images.js';
import { readImageFacts } from '../helpers/image-facts.js';
import type { Fact, Section } from '../helpers/image-facts.js';
import { outputOf } from '../helpers/programs.js';
import type { Ended } from '../helpers/programs.js';
import { forget, startBuildah, startBuildkit } from '../helpers/references.js';
import type { Reference, ReferenceBuild } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';
import type { Workspace } from '../helpers/tsbuild.js';
import { dockerfileOf } from './dockerfile-case.js';
import type { DockerfileCase } from './dockerfile-case.js';

const busybox = await findBase('busybox');
const buildkit = await startBuildkit();
const buildah = startBuildah();
const buildkitDiffers: readonly NamedDifference[] = [
  {
    why: 'containerd repeats the parents of what changed in every layer; ours holds what changed',
    matches: ({ section, ours, theirs }) =>
      section === 'layer' && ours === undefined && theirs === 'directory',
  },
  {
    why: 'a folder of the base keeps its time when entries are added to it, so that layers do not depend on the clock',
    matches: ({ section, attribute, ours, theirs }) =>
      section === 'tree' && attribute === 'mtime' && ours !== 'when built' && theirs === 'when built',
  },
  {
    why: 'Docker 28 writes the history of HEALTHCHECK with Go’s %q and sorts ports as text; later releases do not',
    matches: ({ section, ours }) => section === 'history' && /^"(HEALTHCHECK|EXPOSE) /.test(ours ?? ''),
  },
];

/** What buildah does otherwise in every image. */
const buildahDiffers: readonly NamedDifference[] = [
  {
    why: 'members of docker’s own format, and its version as a label',
    matches: ({ section, subject }) =>
      section === 'config' &&
      /^(container|container_config|docker_version|author|config\.(Hostname|Image|ArgsEscaped|Labels\.io\.buildah))/.test(
        subject,
      ),
  },
  {
    why: 'WorkingDir stays empty; a folder of WORKDIR is no layer of its own; ONBUILD stays',
    matches: ({ section, subject }) =>
      section === 'config' && /^(config\.(WorkingDir|OnBuild)|layers)/.test(subject),
  },
  {
    why: 'mount points of a step stay in the image',
    matches: ({ section, subject, attribute }) =>
      section === 'tree' &&
      /^(proc|sys|dev|run|etc\/(hosts|resolv\.conf))$/.test(subject) &&
      /^(kind|mtime|mode)$/.test(attribute),
  },
  {
    why: 'times of folders that a copy goes to',
    matches: ({ section, attribute }) => section === 'tree' && attribute === 'mtime',
  },
];

async function prepare(workspace: Workspace, each: DockerfileCase): Promise<string> {
  // BuildKit takes folders of one name for states of one context, and their unchanged folders' times for its own.
  const name = `context-${basename(workspace.folder)}`;
  const context = workspace.path(name);
  workspace.write({ [`${name}/Dockerfile`]: dockerfileOf(each) });
  for (const [path, file] of Object.entries(each.files ?? {})) workspace.write({ [`${name}/${path}`]: file });
  if (each.base !== false && busybox !== undefined) placeBase(busybox, context);
  if (each.prepare !== undefined) await outputOf(['sh', '-ec', each.prepare], { cwd: context });
  // Whatever a copy takes over was made before the build: yesterday's times tell it from the build's own.
  await outputOf(['find', '.', '-exec', 'touch', '-h', '-d', 'yesterday 12:34:56', '{}', '+'], {
    cwd: context,
  });
  return context;
}

/** Builds with one reference and returns what differs, each line with the reference's name. */
async function differencesFrom(
  reference: Reference,
  request: ReferenceBuild,
  compare: (theirs: readonly Fact[]) => readonly string[],
): Promise<readonly string[]> {
  const theirs = await reference.build(request);
  if (theirs.code !== 0) return [`${reference.name} fails: ${theirs.output}`];
  const facts = await readImageFacts(theirs.image);
  forget(theirs.image);
  return compare(facts).map((line) => `${reference.name}: ${line}`);
}

async function buildOurs(
  workspace: Workspace,
  { context, input, output, args = [], env = {} }: ReferenceBuild,
): Promise<Ended> {
  const image = [`type=oci,dest=${workspace.path('image.tar')}`, ...(output === undefined ? [] : [output])];
  const flags = ['--progress', 'plain', '-o', image.join()];
  return workspace.tsbuild(['build', ...flags, ...args, context], { env, input });
}

/** Builds a case with tsbuild and with every reference that can, and fails for what differs. */
async function compareAll(t: ExecutionContext, each: DockerfileCase): Promise<void> {
  const workspace = makeWorkspace('differential');
  try {
    const context = await prepare(workspace, each);
    const builtSince = BigInt(Date.now() - 60_000) * 1_000_000n;
    const args = (each.args ?? []).map((arg) =>
      arg.replace(/src=(?!\/)/, `src=${context}/`).replaceAll('{context}', context),
    );
    const { env = {}, input, output = {} } = each;
    const request = { context: each.context ?? context, input, output: output.buildkit, args, env };
    const built = await buildOurs(workspace, { ...request, output: output.ours });
    if (each.refused !== undefined && built.code === 2) return void t.regex(built.stderr, each.refused);
    if (built.code !== 0) return void t.fail(built.output);
    const ours = await readImageFacts(workspace.path('image.tar'));
    for (const { reference, allowed, sections } of asked(each)) {
      const compare = (theirs: readonly Fact[]): readonly string[] =>
        compareImages(ours, theirs, { builtSince, allowed, sections });
      t.deepEqual(await differencesFrom(reference, request, compare), []);
    }
  } finally {
    await workspace.remove();
  }
}

interface Asked {
  readonly reference: Reference;
  readonly allowed: readonly NamedDifference[];
  readonly sections: readonly Section[];
}

/** The references that run here and can build this, with what is known to differ. */
function asked({ buildkit: kit = [], buildah: ah = [] }: DockerfileCase): readonly Asked[] {
  const sections = ['tree', 'config'] as const;
  return [
    ...(buildkit === undefined || 'leftOut' in kit
      ? []
      : [
          {
            reference: buildkit,
            allowed: [...buildkitDiffers, ...kit],
            sections: [...sections, 'history', 'layer'] as const,
          },
        ]),
    ...(buildah === undefined || 'leftOut' in ah
      ? []
      : [{ reference: buildah, allowed: [...buildahDiffers, ...ah], sections }]),
  ];
}

/** Declares a test for each case that some reference builds here; the others are skipped. Called once in a file. */
export function compareCases(cases: readonly DockerfileCase[]): void {
  test.after.always(async () => {
    await buildkit?.stop();
    await buildah?.stop();
  });
  for (const each of cases) {
    const names = asked(each).map(({ reference }) => reference.name);
    const ready = hasCommandLine && (busybox !== undefined || each.base === false) && names.length > 0;
    const it = ready ? test.serial : test.serial.skip;
    it(`as ${names.join(' and ')}: ${each.name}`, compareAll, each);
  }
}
