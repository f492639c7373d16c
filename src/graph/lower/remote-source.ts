import { isDigest, type Digest } from '../../oci/digest.js';
import type { AddInstruction } from '../../parser/types.js';
import { checkedCommit, isGitUrl, parseGitUrl, type GitSource } from '../../remote/git-url.js';
import { TsbuildError } from '../../util/errors.js';
import type { GitOp, HttpOp } from '../ops.js';
import { ofDockerfile } from './of-dockerfile.js';

/** A word of ADD that is no path, and whether archives that it gives are unpacked. */
export interface RemoteSource {
  readonly op: HttpOp | GitOp;
  /** What of its files is wanted. */
  readonly pattern: string;
  readonly unpack: 'auto' | 'never';
}

/** Flags of ADD for remote sources, expanded. */
export interface RemoteFlags extends Pick<AddInstruction, 'keepGitDir' | 'unpack'> {
  readonly checksum?: string | undefined;
}

/** The remote source that a word of ADD names; undefined for a path. Throws `dockerfile`. */
export function remoteSource(word: string, flags: RemoteFlags): RemoteSource | undefined {
  if (isGitUrl(word)) {
    const source = ofDockerfile(() => withFlags(parseGitUrl(word), flags));
    return { op: { kind: 'git', source }, pattern: '.', unpack: 'never' };
  }
  if (!/^https?:\/\//i.test(word)) return undefined;
  if (!URL.canParse(word)) throw new TsbuildError('dockerfile', `${JSON.stringify(word)} is no http URL`);
  const checksum = flags.checksum === undefined ? undefined : parseChecksum(flags.checksum);
  // the only file of its tree, whose name the server may choose
  return {
    op: { kind: 'http', url: word, checksum },
    pattern: '*',
    unpack: flags.unpack === true ? 'auto' : 'never',
  };
}

/** Throws `dockerfile` for flags that none, or not just one, of the sources can have. */
export function checkRemoteFlags(flags: RemoteFlags, sources: readonly (RemoteSource | undefined)[]): void {
  if (flags.checksum !== undefined && (sources.length !== 1 || sources[0] === undefined)) {
    throw new TsbuildError(
      'dockerfile',
      'ADD --checksum needs exactly one source, a URL or a git repository',
    );
  }
  if (flags.keepGitDir === true && !sources.some((source) => source?.op.kind === 'git')) {
    throw new TsbuildError('dockerfile', 'ADD --keep-git-dir is for git sources only');
  }
}

function withFlags(source: GitSource, { checksum, keepGitDir }: RemoteFlags): GitSource {
  const kept = { ...source, keepGitDir: keepGitDir ?? source.keepGitDir };
  if (checksum === undefined) return kept;
  const commit = checkedCommit(checksum);
  if (source.commit !== undefined && source.commit !== commit)
    throw new TsbuildError('dockerfile', 'ADD --checksum contradicts the checksum in the URL');
  return { ...kept, commit };
}

function parseChecksum(text: string): Digest {
  if (isDigest(text)) return text;
  if (/^sha(?:384|512):/.test(text))
    throw new TsbuildError('unsupported', 'ADD --checksum is supported for sha256 only');
  throw new TsbuildError(
    'dockerfile',
    `ADD --checksum is sha256: and 64 hex digits, not ${JSON.stringify(text)}`,
  );
}
