/** Says what a refusing answer means (distribution-spec, "Error Codes"). */
import type { TimeoutOptions } from './types.js';
import { readBody, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { foreignText } from './redact.js';
import { isJsonObject } from '../oci/json-guards.js';

const maximumBody = 64 * 1024;
const transientStatuses = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

const names: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  416: 'Range Not Satisfiable',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

const hints: Readonly<Record<string, string>> = {
  401: "sign in with `tsbuild login`, or check the credentials in docker's config.json",
  403: 'check that this user may do that, and that the repository exists',
  413: 'a proxy before the registry limits the size of requests: raise the limit there (client_max_body_size in nginx)',
  429: 'wait, or sign in for a higher limit',
  NAME_UNKNOWN: 'the repository does not exist: some registries want it created first',
  NAME_INVALID: 'the registry does not accept this repository name',
  DENIED: 'check that this user may do that, and that the repository exists',
  UNAUTHORIZED: "sign in with `tsbuild login`, or check the credentials in docker's config.json",
  TAG_IMMUTABLE: 'the repository does not let tags be moved: push another tag',
};

/** Reads the answer's body (at most 64 KiB) and makes a failure of it. `what` says what was being done; `secrets` are left out. */
export async function answerFailure(
  response: Response,
  what: string,
  timeouts: TimeoutOptions,
  secrets: readonly string[] = [],
): Promise<RegistryFailure> {
  const body = await readBody(response, maximumBody, timeouts).catch(() => undefined);
  const { codes, text } = describe(body, secrets);
  const { status } = response;
  const limit = response.headers['ratelimit-remaining'];
  const answer = `the registry answered ${status}${names[status] === undefined ? '' : ` ${names[status]}`}`;
  const detail = [text, limit === undefined ? '' : `rate limit remaining: ${foreignText(limit)}`]
    .filter((part) => part !== '')
    .join('; ');
  return new RegistryFailure(
    status === 401 || status === 403 ? 'auth' : 'registry',
    `${what}: ${answer}${detail === '' ? '' : ` (${detail})`}`,
    {
      status,
      codes,
      hint: codes.map((code) => hints[code]).find((hint) => hint !== undefined) ?? hints[status],
      transient: transientStatuses.has(status) || codes.includes('TOOMANYREQUESTS'),
      retryAfter: retryAfter(response.headers['retry-after'], response.headers['date']),
    },
  );
}

function describe(
  body: Buffer | undefined,
  secrets: readonly string[],
): { codes: readonly string[]; text: string } {
  if (body === undefined || body.length === 0) return { codes: [], text: '' };
  const entries = errorEntries(parseJson(body.toString('utf8')));
  if (entries.length === 0) return { codes: [], text: summary(body.toString('utf8'), secrets) };
  const text = entries
    .map(({ code, message }) => [code, message].filter((part) => part !== '').join(': '))
    .join('; ');
  return { codes: entries.map(({ code }) => code), text: foreignText(text, secrets) };
}

/** First words of a page that is no JSON, such as a proxy's. */
function summary(page: string, secrets: readonly string[]): string {
  const title = /<title>([^<]*)<\/title>/i.exec(page)?.[1] ?? page.replace(/<[^>]*>/g, ' ');
  return foreignText(title.trim(), secrets).slice(0, 200);
}

function errorEntries(value: unknown): readonly { code: string; message: string }[] {
  const errors = isJsonObject(value) ? value['errors'] : undefined;
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 10).flatMap((entry: unknown) => {
    if (!isJsonObject(entry)) return [];
    const { code, message } = entry;
    return [
      { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' },
    ];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Milliseconds from Retry-After: seconds, or a date, which is read by the server's own clock. */
function retryAfter(value: string | undefined, now: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const milliseconds = Date.parse(value) - Date.parse(now ?? '');
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}
