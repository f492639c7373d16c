import { expandWord } from '../../parser/expand.js';
import { parseTrigger } from '../../parser/trigger.js';
import type { Diagnostic, FromInstruction, Stage, StageInstruction } from '../../parser/types.js';
import { parsePlatform, type Platform } from '../../oci/platform.js';
import { parseReference } from '../../oci/reference.js';
import { TsbuildError } from '../../util/errors.js';
import { platformWarning } from '../lint/base-platform.js';
import type { Vertex } from '../vertex.js';
import { automaticArguments, globalArguments } from './arguments.js';
import { imageState, imageVertex, namedState, scratchState } from './base-state.js';
import { contextVertex } from './context-vertex.js';
import { FileErrors } from './file-errors.js';
import { lowerInstruction, takesStep } from './instruction.js';
import {
  stageName,
  type LowerRequest,
  type Lowered,
  type ResolvedImage,
  type StageContext,
} from './lowering.js';
import { ofDockerfile } from './of-dockerfile.js';
import { platformPrefix } from './platform-prefix.js';
import { stepOrigin } from './step-origin.js';
import { copyFromStage, fromStage, targetStage } from './stages.js';
import { withConfig, type StageState } from './stage-state.js';

/**
 * Turns the stages that the target needs into vertices. Others are never looked at: their bases are not even
 * resolved. Throws `dockerfile` (and what resolveImage throws) with the range of the guilty instruction; errors of other
 * instructions go with it.
 */
export async function lower(request: LowerRequest): Promise<Lowered> {
  const target = targetStage(request.dockerfile, request.target);
  const lowering = new Lowering(request, globalsOf(request));
  const state = await lowering.errors.thrown(() => lowering.stage(target));
  const labels = { ...state.config.Labels, ...Object.fromEntries(request.labels) };
  const labelled = request.labels.size === 0 ? state : withConfig(state, { Labels: labels });
  return { state: labelled, vertex: labelled.vertex, warnings: lowering.warnings, globals: lowering.globals };
}

/** Every stage of a file at its end, and what is said of them. */
export interface LoweredStages {
  readonly target: Stage;
  /** In the order of the file. */
  readonly states: readonly StageState[];
  readonly warnings: readonly Diagnostic[];
  readonly globals: ReadonlyMap<string, string>;
}

/**
 * Lowers the stages that the target does not need too: for checks. A word that an unresolved base may have the
 * variable for is no error. Throws what `lower` throws.
 */
export async function lowerEveryStage(request: LowerRequest): Promise<LoweredStages> {
  const target = targetStage(request.dockerfile, request.target);
  const lowering = new Lowering(request, globalsOf(request));
  const states: StageState[] = [];
  await lowering.errors.thrown(async () => {
    for (const stage of request.dockerfile.stages) states.push(await lowering.stage(stage));
  });
  return { target, states, warnings: lowering.warnings, globals: lowering.globals };
}

/** Values of the automatic arguments and of the ARGs before the first FROM. Throws `usage` for an unknown target. */
export function globalsOf(request: LowerRequest): ReadonlyMap<string, string> {
  const { dockerfile, platform, buildPlatform, buildArgs, target: wanted } = request;
  const target = targetStage(dockerfile, wanted);
  const name = wanted === undefined || wanted === '' ? (target.from.as ?? 'default') : wanted;
  const automatic = automaticArguments({ build: buildPlatform, target: platform, targetStage: name });
  return globalArguments(dockerfile.globalArgs, automatic, {
    buildArgs,
    escape: dockerfile.directives.escape,
  });
}

class Lowering {
  readonly warnings: Diagnostic[] = [];
  readonly errors = new FileErrors();
  readonly #states = new Map<number, Promise<StageState>>();

  constructor(
    readonly request: LowerRequest,
    readonly globals: ReadonlyMap<string, string>,
  ) {}

  /** The state at the end of a stage; each stage is lowered once. */
  stage(stage: Stage): Promise<StageState> {
    const known = this.#states.get(stage.index);
    if (known !== undefined) return known;
    const state = this.#replacedStage(stage).then((replaced) => replaced ?? this.#lowerStage(stage));
    this.#states.set(stage.index, state);
    return state;
  }

  /** A build context of a stage's name stands for the stage, whatever its instructions are. */
  async #replacedStage(stage: Stage): Promise<StageState | undefined> {
    const { as } = stage.from;
    const { platform, namedContext } = this.request;
    const named = as === undefined ? undefined : await namedContext?.(as, platform);
    if (named === undefined) return undefined;
    const state = namedState(named, platform, this.#context(stage, []));
    return withConfig(state, { OnBuild: undefined });
  }

  async #lowerStage(stage: Stage): Promise<StageState> {
    const start = await this.#located(stage.from, () => this.#startState(stage));
    const triggers = [...this.#variables(stage.from), ...this.#triggers(start, stage.from)];
    const labels = this.request.inheritLabels === false ? { Labels: undefined } : {};
    let state: StageState = withConfig(start, { OnBuild: undefined, ...labels });
    let step = 1;
    for (const instruction of [...triggers, ...stage.instructions]) {
      if (takesStep(instruction)) step += 1;
      const before = state;
      const here = { ...this.#context(stage, triggers, state.variables), step };
      state = await this.#located(instruction, () => lowerInstruction(before, instruction, here)).catch(
        (error: unknown) => {
          if (!dependsOnUnknown(before, instruction, error)) this.errors.keep(error);
          return before;
        },
      );
    }
    return state;
  }

  async #startState(stage: Stage): Promise<StageState> {
    const { from } = stage;
    const context = this.#context(stage, []);
    const name = this.#expand(from.image);
    if (name.trim() === '')
      throw new TsbuildError('dockerfile', `base name (${from.image}) should not be blank`, {
        hint: 'give the ARG before the first FROM a value',
      });
    const platform = this.#platform(from);
    if (name === 'scratch') return scratchState(platform, context);
    const named = await this.request.namedContext?.(name, platform);
    if (named !== undefined) return namedState(named, platform, context);
    const parent = fromStage(this.request.dockerfile, name, stage);
    if (parent !== undefined) return { ...(await this.stage(parent)), ownCmd: false };
    const image = await this.#image(name, platform);
    const warning = platformWarning(image, { name, wanted: platform, range: from.range });
    if (warning !== undefined) this.warnings.push(warning);
    return imageState(image, context);
  }

  #image(name: string, platform: Platform): Promise<ResolvedImage> {
    ofDockerfile(() => parseReference(name));
    return this.request.resolveImage(name, platform);
  }

  #platform({ platform }: FromInstruction): Platform {
    if (platform === undefined || platform === '') return this.request.platform;
    const expanded = this.#expand(platform);
    if (expanded !== '') return ofDockerfile(() => parsePlatform(expanded));
    throw new TsbuildError('dockerfile', `empty platform value from expression ${platform}`, {
      hint: 'give the ARG before the first FROM a value',
    });
  }

  /** Words of FROM see the global arguments only. */
  #expand(word: string): string {
    const scope = { get: (name: string) => this.globals.get(name) };
    return expandWord(word, scope, this.request.dockerfile.directives.escape);
  }

  /** The variables of `--env`, as buildah sets them: before anything of the stage. */
  #variables({ range }: FromInstruction): readonly StageInstruction[] {
    const texts = Array.from(this.request.env ?? [], ([name, value]) => `ENV ${name}=${singleQuoted(value)}`);
    return texts.map((text) => ({ ...parseTrigger(text), range }));
  }

  /** ONBUILD triggers of the base: they run right after FROM and stand at its place. */
  #triggers({ config }: StageState, from: FromInstruction): readonly StageInstruction[] {
    return (config.OnBuild ?? []).map((text) => ({ ...parseTrigger(text), range: from.range }));
  }

  /** The platform of the steps of a stage. */
  #stagePlatform(stage: Stage): Platform {
    const { from } = stage;
    const parent = fromStage(this.request.dockerfile, this.#expand(from.image), stage);
    return from.platform === undefined && parent !== undefined
      ? this.#stagePlatform(parent)
      : this.#platform(from);
  }

  /** `variables` are those that its steps see. */
  #context(
    stage: Stage,
    triggers: readonly StageInstruction[],
    variables: ReadonlyMap<string, string> = new Map(),
  ): StageContext {
    const { dockerfile } = this.request;
    const total = 1 + [...triggers, ...stage.instructions].filter(takesStep).length;
    const name = dockerfile.stages.length === 1 && stage.from.as === undefined ? '' : `${stageName(stage)} `;
    const platform = () => this.#stagePlatform(stage);
    const prefix = () =>
      this.request.namePlatforms === true ? `${platformPrefix(platform(), variables)}${name}` : name;
    return {
      request: this.request,
      globals: this.globals,
      stage,
      platform,
      label: (step) => `${prefix()}${step}/${total}`,
      source: (from, current) => this.#copySource(from, current),
      warn: (warning) => this.warnings.push(warning),
    };
  }

  async #copySource(from: string, current: Stage): Promise<{ readonly vertex: Vertex }> {
    const context = { ...this.#context(current, []), label: () => 'copy source' };
    if (from === 'scratch') return scratchState(this.request.platform, context);
    const isNumber = /^\d+$/.test(from);
    const named = isNumber ? undefined : await this.request.namedContext?.(from, this.request.platform);
    if (named?.kind === 'image') return { vertex: imageVertex(named.image, context) };
    if (named?.kind === 'files')
      return { vertex: contextVertex(named.name, stepOrigin(current.from, { ...context, step: 1 })) };
    const stage = copyFromStage(this.request.dockerfile, from, current);
    if (stage !== undefined) return this.stage(stage);
    const image = await this.#image(from, this.request.platform);
    return { vertex: imageVertex(image, context) };
  }

  async #located<T>({ range }: FromInstruction | StageInstruction, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof TsbuildError ? error.at(range, this.request.dockerfile.source) : error;
    }
  }
}

/** A word that nothing is expanded in, with either escape character. */
function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

/** Whether an error may come from a variable that only the base image could have told. */
function dependsOnUnknown(
  { openEnvironment }: StageState,
  { text }: StageInstruction,
  error: unknown,
): boolean {
  return (
    openEnvironment && text.includes('$') && error instanceof TsbuildError && error.code === 'dockerfile'
  );
}
