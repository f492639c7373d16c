import { isKnownSyntax } from '../parser/lint/unknown-syntax.js';
import { TsbuildError } from '../util/errors.js';

/**
 * `--cache-to` values that build arguments ask for: BUILDKIT_INLINE_CACHE. Throws `unsupported` for BUILDKIT_SYNTAX,
 * which asks for another frontend.
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
  return isTrue('BUILDKIT_INLINE_CACHE', buildArgs) ? ['type=inline'] : [];
}

/**
 * Whether the result is an index: of several platforms, or of one with BUILDKIT_MULTI_PLATFORM. Throws `usage` when that
 * is false and platforms are several.
 */
export function wantsIndex(buildArgs: ReadonlyMap<string, string>, platforms: number): boolean {
  const asked = isTrue('BUILDKIT_MULTI_PLATFORM', buildArgs);
  if (!asked && platforms > 1 && (buildArgs.get('BUILDKIT_MULTI_PLATFORM') ?? '') !== '') {
    throw new TsbuildError('usage', 'several platforms need an index, and BUILDKIT_MULTI_PLATFORM is false');
  }
  return asked || platforms > 1;
}

/** Throws `usage` for what is neither true nor false. */
function isTrue(name: string, buildArgs: ReadonlyMap<string, string>): boolean {
  const text = buildArgs.get(name) ?? '';
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:|0|f|false)$/i.test(text)) return false;
  throw new TsbuildError('usage', `${name} is neither true nor false: ${JSON.stringify(text)}`);
}
