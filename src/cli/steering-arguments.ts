import { isKnownSyntax } from '../parser/lint/unknown-syntax.js';
import { TsbuildError } from '../util/errors.js';

/**
 * `--cache-to` values that build arguments ask for: BUILDKIT_INLINE_CACHE. Throws `unsupported` for build arguments
 * that ask BuildKit for what tsbuild does not do: another frontend, and an index around one image.
 */
export function steeredCaches(buildArgs: ReadonlyMap<string, string>): readonly string[] {
  const syntax = buildArgs.get('BUILDKIT_SYNTAX');
  if (syntax !== undefined && !isKnownSyntax(syntax)) {
    throw new TsbuildError(
      'unsupported',
      `the frontend ${JSON.stringify(syntax)} of BUILDKIT_SYNTAX is not run`,
      {
        hint: 'tsbuild reads Dockerfiles only',
      },
    );
  }
  if (isTrue('BUILDKIT_MULTI_PLATFORM', buildArgs)) {
    throw new TsbuildError('unsupported', 'BUILDKIT_MULTI_PLATFORM is not supported', {
      hint: 'the image of one platform is written without an index: leave it out',
    });
  }
  return isTrue('BUILDKIT_INLINE_CACHE', buildArgs) ? ['type=inline'] : [];
}

/** Throws `usage` for what is neither true nor false. */
function isTrue(name: string, buildArgs: ReadonlyMap<string, string>): boolean {
  const text = buildArgs.get(name) ?? '';
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:|0|f|false)$/i.test(text)) return false;
  throw new TsbuildError('usage', `${name} is neither true nor false: ${JSON.stringify(text)}`);
}
