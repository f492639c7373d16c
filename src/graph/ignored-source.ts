import { cleanPath } from '../layers/path.js';
import type { Exclusion, ScannedContext } from '../layers/scan-context.js';
import { fromByteString } from '../util/bytes.js';
import { goPathMatch, hasWildcard } from '../util/go-path-match.js';

/** A path that a source word of COPY means and that an ignore file keeps out. */
export interface IgnoredSource extends Exclusion {
  /** What is kept out: the path itself or a folder above it, as a byte string. */
  readonly path: string;
  /** Of the ignore file. */
  readonly file: string;
}

/** The first path, in byte order, that a word or wildcard would select if it were not kept out. */
export function ignoredSource(
  pattern: string,
  { excluded, ignoreFile = '.dockerignore' }: Pick<ScannedContext, 'excluded' | 'ignoreFile'>,
): IgnoredSource | undefined {
  const names = cleanPath(pattern).split('/');
  const matches = (path: string): boolean => {
    const above = names.slice(0, path.split('/').length).join('/');
    return hasWildcard(above) ? goPathMatch(above, path) : above === path;
  };
  const [path] = [...excluded.keys()].filter(matches).sort();
  const rule = path === undefined ? undefined : excluded.get(path);
  return path === undefined || rule === undefined ? undefined : { ...rule, path, file: ignoreFile };
}

/** `line 2 of .dockerignore, "build", keeps "build" out`. */
export function whyIgnored({ path, pattern = '', line, file }: IgnoredSource): string {
  const place = line === undefined ? file : `line ${line} of ${file}`;
  return `${place}, ${JSON.stringify(pattern)}, keeps ${JSON.stringify(fromByteString(path))} out`;
}
