import { resolve } from 'node:path';
import { epochName } from '../build/epoch.js';
import { parseRefresh, type Refresh } from '../graph/refresh.js';
import { parseAnnotation, type Annotation } from '../image/annotations.js';
import type { ImageForm } from '../image/output.js';
import { formatPlatform, hostPlatform, parsePlatform, type Platform } from '../oci/platform.js';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import { progressKinds, type ProgressKind } from '../progress/kinds.js';
import { TsbuildError } from '../util/errors.js';
import { parseAllow, type Allowed } from './allow-option.js';
import { readBuildArgFile } from './build-arg-file.js';
import { buildOptions, isolationModes, networks, pullPolicies } from './build-options.js';
import { parseCall, type Call } from './call-method.js';
import { parseAddHost, parseSecret, splitPair, type SecretRequest } from './build-values.js';
import type { CliContext } from './context.js';
import { refuseVariables } from './environment.js';
import { formRequest } from './form-options.js';
import type { OptionValues } from './option-table.js';
import { imageEditRequest, refuseInline, type ImageEditRequest } from './image-edit-options.js';
import { parseDuration, registryRequest, wholeNumber, type RegistryRequest } from './registry-request.js';
import { steeredCaches, wantsIndex } from './steering-arguments.js';
import { stepRequest, type StepRequest } from './step-options.js';

export type PullPolicy = (typeof pullPolicies)[number];
export type Isolation = (typeof isolationModes)[number];
export type DefaultNetwork = (typeof networks)[number];

/** What `tsbuild build` was asked to do, checked and with the environment's part filled in. */
export interface BuildRequest {
  /** As given: a folder (relative to the working directory), a URL, or `-` for a tar on standard input. */
  readonly context: string;
  /** As given, relative to the working directory; `-` is standard input; undefined is `Dockerfile` of the context. */
  readonly file: string | undefined;
  readonly ignoreFile: string | undefined;
  /** Normalised references with a tag each, without duplicates. */
  readonly tags: readonly string[];
  readonly target: string | undefined;
  /** Empty: the machine's own. */
  readonly platforms: readonly Platform[];
  /** Whether the result is an index of images, be it of one. */
  readonly index: boolean;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** `--build-context`: name → path, URL or image, as given. */
  readonly buildContexts: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: readonly Annotation[];
  readonly image: ImageEditRequest;
  readonly noCache: boolean;
  readonly refresh: readonly Refresh[];
  /** Milliseconds. */
  readonly cacheTtl: number | undefined;
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  /** Undefined: the default, which asks for tags and not for digests that are here. */
  readonly pull: PullPolicy | undefined;
  /** As given. */
  readonly outputs: readonly string[];
  /** Whether files newer than SOURCE_DATE_EPOCH get that time; undefined: as the outputs say. */
  readonly rewriteTimestamps: boolean | undefined;
  /** What outputs are like that say nothing else; undefined when no option says it. */
  readonly form: ImageForm | undefined;
  readonly push: boolean;
  /** Whether the image goes to the Docker daemon too. */
  readonly load: boolean;
  /** Whether the right to push is checked before anything is built. */
  readonly checkPush: boolean;
  readonly secrets: readonly SecretRequest[];
  readonly network: DefaultNetwork;
  readonly addHosts: readonly (readonly [name: string, address: string])[];
  readonly allow: Allowed;
  readonly isolation: Isolation;
  /** Undefined: as many as the machine has processors. */
  readonly jobs: number | undefined;
  readonly iidFile: string | undefined;
  readonly metadataFile: string | undefined;
  /** Undefined: build. */
  readonly call: Call | undefined;
  readonly debugShell: boolean;
  readonly quiet: boolean;
  readonly progress: ProgressKind;
  readonly registry: RegistryRequest;
  readonly steps: StepRequest;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Values = OptionValues<typeof buildOptions>;

/** Checks the options of a build and joins them with the environment. Throws `usage`. */
export function buildRequest(
  context: string,
  options: Values,
  { env, cwd }: Pick<CliContext, 'env' | 'cwd'>,
): BuildRequest {
  refuseVariables(env);
  const buildArgs = buildArgsOf(options, { env, cwd });
  const tags = unique(options.tag.map((tag) => formatReference(withDefaultTag(parseTag(tag)))));
  if (options.push && tags.length === 0) {
    throw new TsbuildError('usage', '--push needs a name', {
      hint: 'name the image with -t REGISTRY/NAME:TAG',
    });
  }
  const platforms = parsePlatforms(platformsOf(options, env));
  if (context === '-' && options.file === '-') {
    throw new TsbuildError('usage', 'context and Dockerfile cannot both come from standard input');
  }
  const steps = stepRequest(options);
  if (steps.resolver !== undefined && options.network === 'none') {
    throw new TsbuildError('usage', 'without a network no name server can be reached', {
      hint: 'leave out --dns, --dns-search and --dns-option, or --network=none',
    });
  }
  const image = imageEditRequest(options, env);
  const cacheTo = unique([...options['cache-to'], ...steeredCaches(buildArgs)]);
  refuseInline(image, cacheTo);
  return {
    context,
    file: options.file,
    ignoreFile: nonEmpty('--ignorefile', options.ignorefile),
    tags,
    target: onlyTarget(options.target),
    platforms,
    index: wantsIndex(buildArgs, platforms.length),
    buildArgs,
    buildContexts: new Map(options['build-context'].map((text) => splitPair('--build-context', text))),
    labels: new Map(options.label.map((label) => splitPair('--label', label))),
    annotations: options.annotation.flatMap(parseAnnotation),
    image,
    noCache: options['no-cache'],
    refresh: [...options.refresh, ...options['no-cache-filter'].flatMap((text) => text.split(','))].map(
      parseRefresh,
    ),
    cacheTtl: parseTtl(options['cache-ttl']),
    cacheFrom: options['cache-from'],
    cacheTo,
    pull: parsePull(options.pull),
    outputs: options.output,
    rewriteTimestamps: parseSwitch(options['rewrite-timestamp']),
    form: formRequest(options),
    push: options.push,
    load: options.load,
    checkPush: true,
    secrets: options.secret.map(parseSecret),
    network: oneOf(networks, options.network) ?? 'default',
    addHosts: options['add-host'].map(parseAddHost),
    allow: parseAllow(options.allow),
    isolation: parseIsolation(options.isolation),
    jobs: parseJobs(options.jobs),
    iidFile: options.iidfile,
    metadataFile: options['metadata-file'],
    call: parseCall(options.call, options.check),
    debugShell: options['debug-shell'],
    quiet: options.quiet,
    progress: parseProgress(options, env),
    registry: registryRequest(options),
    steps,
  };
}

function parseTag(tag: string): ReturnType<typeof parseReference> {
  const reference = parseReference(tag);
  if (reference.digest === undefined) return reference;
  throw new TsbuildError('usage', `a name to give cannot have a digest: ${JSON.stringify(tag)}`);
}

function onlyTarget([first, ...others]: readonly string[]): string | undefined {
  if (others.length > 0) throw severalTargets();
  return first;
}

/** What answers a question about a build, or behaves as another program, has one target. */
export function severalTargets(): TsbuildError {
  return new TsbuildError('unsupported', 'several targets can be built only', { hint: 'give one --target' });
}

/** SOURCE_DATE_EPOCH of the environment is passed on as buildx does it; options go before the environment. */
function buildArgsOf(options: Values, { env, cwd }: Pick<CliContext, 'env' | 'cwd'>): Map<string, string> {
  const filed = options['build-arg-file'].flatMap((file) => readBuildArgFile(resolve(cwd, file), file));
  const args = parseBuildArgs([...filed, ...options['build-arg']], env);
  const usual = options.timestamp === undefined ? env[epochName] : undefined;
  const epoch = options['source-date-epoch'] ?? args.get(epochName) ?? usual;
  if (epoch !== undefined && epoch !== '') args.set(epochName, epoch);
  return args;
}

/** `NAME` without a value is taken from the environment and left out when it is not there. */
function parseBuildArgs(texts: readonly string[], env: Environment): Map<string, string> {
  const args = new Map<string, string>();
  for (const text of texts) {
    const [name, given] = text.includes('=') ? splitPair('--build-arg', text) : [text];
    const value = given ?? env[name];
    if (name === '') throw new TsbuildError('usage', '--build-arg has no name');
    if (value !== undefined) args.set(name, value);
  }
  return args;
}

/** As docker, which reads the variable for every build. */
function platformsOf({ platform }: Values, env: Environment): readonly string[] {
  const usual = env['DOCKER_DEFAULT_PLATFORM'] ?? '';
  return platform.length > 0 || usual === '' ? platform : [usual];
}

/** `local` is buildx's word for the platform of the machine. */
function parsePlatforms(texts: readonly string[]): Platform[] {
  const platforms = texts
    .flatMap((text) => text.split(','))
    .map((text) => (text.trim().toLowerCase() === 'local' ? hostPlatform() : parsePlatform(text)));
  return [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
}

/** buildx says `--pull=true` and `--pull=false`. */
function parsePull(text: string | undefined): PullPolicy | undefined {
  return text === 'true' ? 'always' : oneOf(pullPolicies, text);
}

/** buildah's `oci` and Docker's `default` leave the choice to us. */
function parseIsolation(text: string | undefined): Isolation {
  return oneOf(isolationModes, text) ?? 'auto';
}

/** 0 is buildah's word for no limit of its own. */
function parseJobs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber('--jobs', text) || undefined;
}

function parseSwitch(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true';
}

function parseTtl(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration('--cache-ttl', text);
}

function parseProgress(options: Values, env: Environment): ProgressKind {
  if (options.quiet) return 'quiet';
  const text = options.progress ?? env['BUILDKIT_PROGRESS'];
  if (text === undefined || text === '') return 'auto';
  const kind = oneOf(progressKinds, text);
  if (kind !== undefined) return kind;
  throw new TsbuildError('usage', `BUILDKIT_PROGRESS does not know ${JSON.stringify(text)}`, {
    hint: `it takes ${progressKinds.join(', ')}`,
  });
}

function oneOf<T extends string>(values: readonly T[], text: string | undefined): T | undefined {
  return values.find((value) => value === text);
}

function nonEmpty(option: string, text: string | undefined): string | undefined {
  if (text === '') throw new TsbuildError('usage', `${option} is empty`);
  return text;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
