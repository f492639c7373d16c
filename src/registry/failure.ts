import { TsbuildError, type ErrorCode } from '../util/errors.js';

export interface FailureDetails {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** HTTP status, when the registry answered. */
  readonly status?: number | undefined;
  /** Error codes of the answer (distribution-spec, "Error Codes"), such as `BLOB_UNKNOWN`. */
  readonly codes?: readonly string[] | undefined;
  /** Whether the same request may succeed when it is repeated. */
  readonly transient?: boolean | undefined;
  /** Other bytes arrived than were asked for. */
  readonly damaged?: boolean | undefined;
  /** Milliseconds that the registry asked to wait. */
  readonly retryAfter?: number | undefined;
}

/** A failed request: what the user is told, and what the retry logic needs. */
export class RegistryFailure extends TsbuildError {
  readonly status: number | undefined;
  readonly codes: readonly string[];
  readonly transient: boolean;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, details: FailureDetails = {}) {
    super(code, message, { hint: details.hint, cause: details.cause, damaged: details.damaged });
    this.status = details.status;
    this.codes = details.codes ?? [];
    this.transient = details.transient ?? false;
    this.retryAfter = details.retryAfter;
  }

  /** The same failure told as part of something larger. */
  during(what: string): RegistryFailure {
    return new RegistryFailure(this.code, `${what}: ${this.message}`, this);
  }
}

export function isTransient(error: unknown): error is RegistryFailure {
  return error instanceof RegistryFailure && error.transient;
}

/** What is thrown when the job's signal fired. */
export function cancelled(cause?: unknown): TsbuildError {
  return new TsbuildError('cancelled', 'the transfer was cancelled', { cause });
}
