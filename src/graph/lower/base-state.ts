import { TsbuildError } from '../../util/errors.js';
import type { Platform } from '../../oci/platform.js';
import type { ImageConfig } from '../../oci/types.js';
import { makeVertex, type Vertex } from '../vertex.js';
import type { CopyOp } from '../ops.js';
import { contextVertex } from './context-vertex.js';
import type { NamedSource, ResolvedImage, StageContext } from './lowering.js';
import { defaultPath, onRoot, parseEnv, setEnv, type StageState } from './stage-state.js';
import { stepOrigin } from './step-origin.js';

/** The state of FROM scratch: working directory `/` and the default PATH, as BuildKit writes them. */
export function scratchState(platform: Platform, context: StageContext): StageState {
  const base: ImageConfig = {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    rootfs: { type: 'layers', diff_ids: [] },
  };
  const vertex = makeVertex({ kind: 'scratch' }, [], stepOrigin(context.stage.from, { ...context, step: 1 }));
  return startState(vertex, { ...base, config: { WorkingDir: '/' } }, 0);
}

/** The state of what `--build-context` puts in the place of a base or a stage. */
export function namedState(named: NamedSource, platform: Platform, context: StageContext): StageState {
  return named.kind === 'image'
    ? imageState(named.image, context)
    : contextState(named.name, platform, context);
}

/** The state of FROM a build context: its files on an empty root. */
function contextState(name: string, platform: Platform, context: StageContext): StageState {
  const start = scratchState(platform, context);
  const origin = stepOrigin(context.stage.from, { ...context, step: 1 });
  const op: CopyOp = {
    kind: 'copy',
    sources: [{ input: 1, pattern: '.', unpack: 'never' }],
    destination: '/',
    workdir: '/',
    parents: false,
    exclude: [],
    link: false,
  };
  const vertex = makeVertex(op, [start.vertex, contextVertex(name, origin)], origin);
  return onRoot(start, vertex, `FROM ${name} # build context`);
}

export function imageState(image: ResolvedImage, context: StageContext): StageState {
  const vertex = imageVertex(image, context);
  const state = startState(vertex, image.config, image.layers.length);
  return image.unresolved === true ? { ...state, openEnvironment: true } : state;
}

/** A vertex for an image used as a base, or as a source of COPY. */
export function imageVertex(image: ResolvedImage, context: StageContext): Vertex {
  const origin = stepOrigin(context.stage.from, { ...context, step: 1 });
  const created = Date.parse(image.config.created ?? '');
  const op = {
    kind: 'image',
    name: image.name,
    config: image.configDigest,
    layers: image.layers,
    created: Number.isNaN(created) ? 0 : created,
  } as const;
  return makeVertex(op, [], { ...origin, name: `[${context.label(1)}] FROM ${image.name}` });
}

function startState(vertex: Vertex, base: ImageConfig, baseLayers: number): StageState {
  const config = base.config ?? {};
  if (config.OnBuild !== undefined && !Array.isArray(config.OnBuild)) {
    throw new TsbuildError('image', 'the OnBuild of the base image is not a list');
  }
  const inherited = parseEnv(config.Env);
  const env = inherited.has('PATH') ? (config.Env ?? []) : setEnv(config.Env ?? [], 'PATH', defaultPath);
  return {
    vertex,
    base,
    config: { ...config, Env: env },
    author: base.author,
    history: [],
    baseLayers,
    args: new Map(),
    variables: parseEnv(env),
    openEnvironment: false,
    ownCmd: false,
  };
}
