import type { Source, SourceRange } from './source.js';

/**
 * Exit code of the process for each class of failure (published in docs/cli.md).
 * 70 (a bug of ours), 130 (SIGINT) and 143 (SIGTERM) are decided in src/cli alone.
 */
export const exitCodes = {
  build: 1,
  usage: 2,
  dockerfile: 3,
  run: 4,
  registry: 5,
  auth: 5,
  sandbox: 6,
  lint: 7,
  context: 1,
  copy: 1,
  archive: 1,
  store: 1,
  image: 1,
  unsupported: 2,
  cancelled: 130,
} as const;

/** Stable name of a class of failure that a user can reach. */
export type ErrorCode = keyof typeof exitCodes;

export interface ErrorDetails {
  /** What the user can do about it: one sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** The guilty part of `source`. */
  readonly range?: SourceRange | undefined;
  readonly source?: Source | undefined;
  /** Other bytes arrived than were asked for: another try may help. */
  readonly damaged?: boolean | undefined;
  /** Further problems of the same source, reported with this one. */
  readonly others?: readonly TsbuildError[] | undefined;
}

/**
 * A failure that a user can reach: a stable code, one sentence without a final full stop, and details.
 * Anything else that is thrown is a bug of tsbuild and is reported as one.
 */
export class TsbuildError extends Error {
  override readonly name = 'TsbuildError';
  readonly hint: string | undefined;
  readonly range: SourceRange | undefined;
  readonly source: Source | undefined;
  readonly damaged: boolean;
  readonly others: readonly TsbuildError[];

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.hint = details.hint;
    this.range = details.range;
    this.source = details.source;
    this.damaged = details.damaged ?? false;
    this.others = details.others ?? [];
  }

  /** The same failure pointing at a place in a source; a place already known is kept. */
  at(range: SourceRange, source?: Source): TsbuildError {
    if (this.range !== undefined) return this;
    const { hint, cause, damaged } = this;
    return new TsbuildError(this.code, this.message, { hint, cause, damaged, range, source });
  }
}

/** The code of a Node system error (`ENOENT`…), or undefined for any other value. */
export function errnoCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
