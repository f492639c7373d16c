import { ruleInfos } from '../parser/lint/rules.js';
import type { Descriptor } from '../oci/types.js';
import type { Warning } from '../progress/event.js';
import type { ImageTarget } from '../store/references.js';
import type { Source } from '../util/source.js';
import { base64, location, sourceJson } from './call-text.js';

export interface BuiltResult {
  readonly target: ImageTarget;
  /** What a registry has of it. */
  readonly pushed: Descriptor | undefined;
  readonly names: readonly string[];
}

/** Findings of the build, when they were asked for, and the Dockerfile that they are about. */
export interface BuildFindings {
  readonly found: readonly Warning[];
  readonly source: Source;
}

/** What the file has, for the reference. */
export const metadataKeys: readonly (readonly [key: string, meaning: string])[] = [
  ['containerimage.digest', 'digest of the manifest or index: what was pushed, else what is in the store'],
  [
    'containerimage.descriptor',
    'its descriptor, of an image with the platform; the annotation with the time of the export is not made',
  ],
  ['containerimage.config.digest', 'digest of the configuration; of one image only, as with buildx'],
  ['image.name', 'names of the result, with commas; absent without a name'],
  [
    'buildx.build.warnings',
    'findings of the checks, with `BUILDX_METADATA_WARNINGS=true`; without `vertex`, which names a step of BuildKit',
  ],
  ['buildx.build.ref', 'never: it names a record of a builder, and there is none'],
  ['buildx.build.provenance', 'never: no record of BuildKit describes the build'],
];

/** The file of `--metadata-file`: buildx's keys in its order, as far as they are true here (docs/cli.md lists them). */
export function buildMetadata(
  { target, pushed, names }: BuiltResult,
  findings: BuildFindings | undefined,
): string {
  const descriptor = pushed ?? (target.kind === 'index' ? target.index : target.manifest);
  const metadata = {
    'buildx.build.warnings': findings === undefined ? undefined : warningsOf(findings),
    'containerimage.config.digest': target.kind === 'index' ? undefined : target.config,
    'containerimage.descriptor':
      target.kind === 'index' ? descriptor : { ...descriptor, platform: platformOf(target) },
    'containerimage.digest': descriptor.digest,
    'image.name': names.length === 0 ? undefined : names.join(','),
  };
  return `${JSON.stringify(metadata, undefined, 2)}\n`;
}

function platformOf({ platform }: Extract<ImageTarget, { kind: 'image' }>): Descriptor['platform'] {
  const { os, architecture, variant } = platform;
  return { architecture, os, ...(variant !== undefined && { variant }) };
}

/** BuildKit's warnings, whose texts are base64; undefined where there are none, as with buildx. */
function warningsOf({ found, source }: BuildFindings): readonly object[] | undefined {
  const distinct = new Map(found.map((warning) => [JSON.stringify(warning), warning]));
  if (distinct.size === 0) return undefined;
  return Array.from(distinct.values(), ({ rule = '', message, range, page }) => ({
    level: 1,
    short: base64(`${rule}: ${message}${range === undefined ? '' : ` (line ${range.startLine})`}`),
    detail: [base64(ruleInfos.get(rule)?.description ?? '')],
    url: page,
    sourceInfo: sourceJson(source),
    range: range === undefined ? undefined : location(range).ranges,
  }));
}
