import { bareHost, isLoopbackHost } from '../registry/addresses.js';

/** Secrets of a build by id. */
type Secrets = ReadonlyMap<string, Uint8Array>;

/** The value of an Authorization header for a URL; undefined for none. */
export type Authorize = (url: URL) => string | undefined;

/**
 * For downloads, by BuildKit's names of secrets: `HTTP_AUTH_HEADER_<host>` is the header, `HTTP_AUTH_TOKEN_<host>` a
 * bearer token. Nothing is sent without TLS, except to this machine.
 */
export function httpAuthorization(secrets: Secrets): Authorize {
  return protectedBy((host) => {
    const token = textOf(secrets, `HTTP_AUTH_TOKEN_${host}`);
    return (
      textOf(secrets, `HTTP_AUTH_HEADER_${host}`) ?? (token === undefined ? undefined : `Bearer ${token}`)
    );
  });
}

/**
 * For git over http, by BuildKit's names of secrets: `GIT_AUTH_HEADER` is the header, `GIT_AUTH_TOKEN` a token of a
 * forge; with `.<host>` behind it, a secret is for that host alone and comes first. Nothing is sent without TLS, except
 * to this machine.
 */
export function gitAuthorization(secrets: Secrets): Authorize {
  return protectedBy((host) => {
    for (const place of [`.${host}`, '']) {
      const header = textOf(secrets, `GIT_AUTH_HEADER${place}`);
      if (header !== undefined) return header;
      const token = textOf(secrets, `GIT_AUTH_TOKEN${place}`);
      if (token !== undefined) return `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
    }
    return undefined;
  });
}

function protectedBy(find: (host: string) => string | undefined): Authorize {
  return (url) => {
    const host = bareHost(url);
    const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(host));
    return isSafe ? find(host) : undefined;
  };
}

/** Files of secrets often end in a newline, which no header can hold; a value with control characters is none. */
function textOf(secrets: Secrets, id: string): string | undefined {
  const bytes = secrets.get(id);
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString('utf8').trim();
  return text === '' || /\p{Cc}/u.test(text) ? undefined : text;
}
