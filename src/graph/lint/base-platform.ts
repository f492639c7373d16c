import { formatPlatform, type Platform } from '../../oci/platform.js';
import { graphRules } from '../../parser/lint/rules.js';
import { toDiagnostic } from '../../parser/lint/rule.js';
import type { Diagnostic } from '../../parser/types.js';
import type { SourceRange } from '../../util/source.js';
import type { ResolvedImage } from '../lower/lowering.js';

/** The warning for a base image of another platform than the stage is built for, which an image without an index can be. */
export function platformWarning(
  { config, unresolved }: ResolvedImage,
  { name, wanted, range }: { readonly name: string; readonly wanted: Platform; readonly range: SourceRange },
): Diagnostic | undefined {
  if (unresolved === true) return undefined;
  const { os, architecture, variant } = config;
  if (os === wanted.os && architecture === wanted.architecture) return undefined;
  const pulled = formatPlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
  return toDiagnostic(graphRules.invalidBaseImagePlatform, {
    message: `Base image ${name} was pulled with platform ${JSON.stringify(pulled)}, expected ${JSON.stringify(formatPlatform(wanted))} for current build`,
    range,
  });
}
