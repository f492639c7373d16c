/** A Dockerfile's text lowered to a graph, on bases that the caller describes: nothing is built. */
import { lower } from '../../src/graph/lower/lower.js';
import type { Lowered, LowerRequest, NamedSource, ResolvedImage } from '../../src/graph/lower/lowering.js';
import type { StageState } from '../../src/graph/lower/stage-state.js';
import type { ExecOp } from '../../src/graph/ops.js';
import { ancestry, type Vertex } from '../../src/graph/vertex.js';
import { digestOf } from '../../src/oci/digest.js';
import type { Platform } from '../../src/oci/platform.js';
import type { ContainerConfig } from '../../src/oci/types.js';
import { assertBuildable } from '../../src/parser/assert-buildable.js';
import { parseDockerfile } from '../../src/parser/parse.js';

const amd64 = { os: 'linux', architecture: 'amd64' };

function image(config: ContainerConfig = {}): ResolvedImage {
  const bytes = JSON.stringify(config);
  return {
    name: 'docker.io/library/base:latest',
    configDigest: digestOf(bytes),
    config: { ...amd64, config, rootfs: { type: 'layers', diff_ids: [] }, history: [] },
    layers: [],
  };
}

/** What a text is lowered with. */
export interface Given extends Pick<LowerRequest, 'allowedDevices' | 'devices'> {
  /** Config of every base image. */
  readonly base?: ContainerConfig;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  /** What `--build-context` puts in the place of a name. */
  readonly contexts?: Readonly<Record<string, NamedSource>>;
}

/** Images whose name begins with `missing` are an error to ask for. Throws what the parser and `lower` throw. */
export async function lowered(
  text: string,
  { base, buildArgs = {}, target, labels = {}, platform = amd64, contexts = {}, ...rest }: Given = {},
): Promise<Lowered> {
  const dockerfile = parseDockerfile({ name: 'Dockerfile', text: `${text}\n` });
  assertBuildable(dockerfile);
  const request: LowerRequest = {
    dockerfile,
    identity: '/Dockerfile',
    target,
    platform,
    buildPlatform: amd64,
    buildArgs: new Map(Object.entries(buildArgs)),
    labels: new Map(Object.entries(labels)),
    ignoreCache: () => false,
    resolveImage: (name) =>
      name.startsWith('missing')
        ? Promise.reject(new Error(`asked for ${name}`))
        : Promise.resolve(image(base)),
    ...rest,
    namedContext: (name) => Promise.resolve(new Map(Object.entries(contexts)).get(name)),
  };
  return lower(request);
}

/** The last RUN that a vertex needs. */
export function lastRun(vertex: Vertex): ExecOp {
  const op = ancestry(vertex)
    .map((ancestor) => ancestor.op)
    .findLast((candidate) => candidate.kind === 'exec');
  if (op === undefined) throw new Error('no RUN');
  return op;
}

/** The `created_by` texts that a stage adds to its base's. */
export const historyOf = ({ history }: StageState): string[] => history.map(({ createdBy }) => createdBy);
