import { lowerEveryStage, type LoweredStages } from '../graph/lower/lower.js';
import type { ResolvedImage } from '../graph/lower/lowering.js';
import { digestOf } from '../oci/digest.js';
import { hostPlatform, type Platform } from '../oci/platform.js';
import type { Diagnostic } from '../parser/types.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildInput, Variant } from './build.js';
import { distinct, findProblems } from './findings.js';

/** All stages of a file without building anything: base images are not resolved, so what they set is not known. */
export function examine(
  input: BuildInput,
  { target, platform }: Variant = input.variants[0],
): Promise<LoweredStages> {
  return lowerEveryStage({
    dockerfile: input.dockerfile,
    identity: input.identity,
    target,
    platform,
    buildPlatform: hostPlatform(),
    buildArgs: input.buildArgs,
    labels: input.labels,
    env: input.env,
    ignoreCache: () => false,
    resolveImage: (name, wanted) => Promise.resolve(unresolved(name, wanted)),
  });
}

export interface CheckResult {
  readonly findings: readonly Diagnostic[];
  /** Why the file cannot be built; the findings are then those of its text. */
  readonly error?: TsbuildError;
}

/** The findings of all rules for every stage. */
export async function check(input: BuildInput): Promise<CheckResult> {
  try {
    const examined = await Promise.all(input.variants.map((variant) => examine(input, variant)));
    const vertices = examined.flatMap(({ states }) => states.map(({ vertex }) => vertex));
    const graph = { vertices, warnings: distinct(examined.flatMap(({ warnings }) => warnings)) };
    return { findings: await findProblems(input, graph, filesOf(input)) };
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.range === undefined) throw error;
    return { findings: await findProblems(input, { vertices: [], warnings: [] }, filesOf(input)), error };
  }
}

function filesOf({ context }: BuildInput): Parameters<typeof findProblems>[2] {
  return {
    context: () => {
      if (context === undefined) throw new Error('nothing is copied without a build context');
      return context.files();
    },
  };
}

function unresolved(name: string, { os, architecture }: Platform): ResolvedImage {
  const config = { os, architecture, rootfs: { type: 'layers', diff_ids: [] } } as const;
  return { name, configDigest: digestOf(name), config, layers: [], unresolved: true };
}
