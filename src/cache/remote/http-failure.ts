import { TsbuildError } from '../../util/errors.js';

/** Bytes of an answer that are read to say what went wrong. */
const shown = 2000;

/** An answer that is no success, as a failure. Codes of S3 and messages of others are told without control characters. */
export async function httpFailure(what: string, response: Response): Promise<TsbuildError> {
  const text = (await response.text().catch(() => '')).slice(0, shown);
  const [, code] = /<Code>([^<]*)<\/Code>/.exec(text) ?? [];
  const reason = code === undefined ? '' : ` (${JSON.stringify(code)})`;
  const isAuth = response.status === 401 || response.status === 403;
  return new TsbuildError(
    isAuth ? 'auth' : 'registry',
    `${what}: the server answered ${response.status}${reason}`,
    {
      hint: isAuth ? 'check the credentials of the cache and what they allow' : undefined,
    },
  );
}

/** A request that got no answer, as a failure. */
export function noAnswer(what: string, error: unknown, signal: AbortSignal): TsbuildError {
  if (signal.aborted) return new TsbuildError('cancelled', 'the transfer was cancelled', { cause: error });
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : 'it did not answer';
  return new TsbuildError('registry', `${what}: ${JSON.stringify(reason)}`, { cause: error });
}
