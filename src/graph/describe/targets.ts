import type { SourceRange } from '../../util/source.js';
import type { Dockerfile } from '../../parser/types.js';
import { descriptionOf } from './description.js';

/** One stage as `--target` sees it. */
export interface TargetInfo {
  readonly name: string | undefined;
  readonly isDefault: boolean;
  readonly description: string | undefined;
  readonly base: string;
  readonly platform: string | undefined;
  readonly range: SourceRange;
}

/** The stages of a file. */
export function describeTargets({ stages }: Dockerfile): readonly TargetInfo[] {
  return stages.map(({ index, from }) => ({
    name: from.as,
    isDefault: index === stages.length - 1,
    description: descriptionOf(from, from.as),
    base: from.image,
    platform: from.platform,
    range: from.range,
  }));
}
