/** Annotations that the user gives (image-spec annotations.md), with the notation of buildx and BuildKit. */
import { equalPlatforms, formatPlatform, parsePlatform, type Platform } from '../oci/platform.js';
import { TsbuildError } from '../util/errors.js';

const levels = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;

/** Where an annotation stands: in a manifest or index, or in the descriptor that names one. */
export type AnnotationLevel = (typeof levels)[number];

export interface Annotation {
  readonly level: AnnotationLevel;
  /** `os/arch[/variant]`; undefined: all. */
  readonly platform: string | undefined;
  readonly key: string;
  readonly value: string;
}

/** What the annotations are put on. */
export interface AnnotatedImages {
  readonly platforms: readonly Platform[];
  /** Whether the images become members of an index. */
  readonly index: boolean;
}

const place = /^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$/;

/**
 * Parses `[LEVEL[PLATFORM],…:]KEY=VALUE`, the value of buildx's `--annotation`: one annotation for each level, and for
 * the manifest where there is none. Throws `usage`.
 */
export function parseAnnotation(text: string): readonly Annotation[] {
  const equals = text.indexOf('=');
  if (equals < 0) throw invalid(text, 'it is not of the form KEY=VALUE');
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  const colon = name.indexOf(':');
  const key = name.slice(colon + 1);
  if (key === '') throw invalid(text, 'it has no key');
  if (colon < 0) return [{ level: 'manifest', platform: undefined, key, value }];
  return name
    .slice(0, colon)
    .split(',')
    .map((where) => ({ ...placeOf(where, text), key, value }));
}

function placeOf(where: string, text: string): Pick<Annotation, 'level' | 'platform'> {
  const [, name, platform] = place.exec(where) ?? [];
  const level = levels.find((known) => known === name);
  if (level === undefined) throw invalid(text, `there is no ${JSON.stringify(where)} to be annotated`);
  return { level, platform: checkedPlatform(platform) };
}

const outputKey = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/-]+)\])?\.(\S+)$/;

/**
 * Reads `annotation[-LEVEL][[PLATFORM]].KEY`, an option of BuildKit's image exporters. Undefined for a text of another
 * form; throws `usage` for a platform that is none.
 */
export function outputAnnotation(option: string, value: string): Annotation | undefined {
  const [, name = 'manifest', platform, key] = outputKey.exec(option) ?? [];
  const level = levels.find((known) => known === name);
  if (key === undefined || level === undefined) return undefined;
  return { level, platform: checkedPlatform(platform), key, value };
}

function checkedPlatform(text: string | undefined): string | undefined {
  return text === undefined ? undefined : formatPlatform(parsePlatform(text));
}

/** Throws `usage` for annotations that would stand nowhere. */
export function checkAnnotations(
  annotations: readonly Annotation[],
  { platforms, index }: AnnotatedImages,
): void {
  for (const { level, platform } of annotations) {
    if (!index && level.startsWith('index')) {
      throw new TsbuildError('usage', 'an image for one platform has no index to be annotated', {
        hint: 'annotate its manifest, or build for several platforms',
      });
    }
    if (platform === undefined || platforms.some((one) => isFor(platform, one))) continue;
    const there = platforms.map(formatPlatform).join(', ');
    throw new TsbuildError('usage', `an annotation is for ${platform}, which is not built`, {
      hint: `platforms of this build: ${there}`,
    });
  }
}

/** Whether Docker's media types have no place for some of them: its manifests can hold annotations, its lists cannot. */
export function needOci(annotations: readonly Annotation[]): boolean {
  return annotations.some(({ level }) => level !== 'manifest');
}

/** The annotations of a level: of an image those for its platform and for all. Of one key the last counts. */
export function annotationsAt(
  annotations: readonly Annotation[],
  level: AnnotationLevel,
  platform?: Platform,
): Readonly<Record<string, string>> {
  const meant = annotations.filter(
    (annotation) =>
      annotation.level === level &&
      (annotation.platform === undefined || platform === undefined || isFor(annotation.platform, platform)),
  );
  return Object.fromEntries(meant.map(({ key, value }) => [key, value]));
}

/** As a member that is left out when there are none. */
export function maybeAnnotations(annotations: Readonly<Record<string, string>>): {
  readonly annotations?: Readonly<Record<string, string>>;
} {
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

function isFor(text: string, platform: Platform): boolean {
  return equalPlatforms(parsePlatform(text), platform);
}

function invalid(text: string, problem: string): TsbuildError {
  return new TsbuildError('usage', `invalid annotation ${JSON.stringify(text.slice(0, 200))}: ${problem}`, {
    hint: `write KEY=VALUE or LEVEL:KEY=VALUE; levels are ${levels.join(', ')}, each with [PLATFORM] if need be`,
  });
}
