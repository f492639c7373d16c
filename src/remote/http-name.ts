/** What BuildKit calls a download that nothing gives a name. */
const unnamed = '__unnamed__';

/**
 * The file name of a download: the last element of the URL's path, slashes behind it aside; of a URL without a path
 * what Content-Disposition says, else `__unnamed__`. BuildKit does not ask the header. Nothing that is no plain name is
 * taken: no folders, no dots, no control characters, 255 bytes.
 */
export function downloadName(url: URL, disposition: string | undefined): string {
  return plainName(lastElement(url)) ?? plainName(dispositionName(disposition)) ?? unnamed;
}

function lastElement({ pathname }: URL): string | undefined {
  return decoded(pathname.split('/').findLast((element) => element !== '') ?? '');
}

/** `filename*=UTF-8''name` before `filename="name"` (RFC 6266); of a path its last element. */
function dispositionName(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 4096) return undefined;
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1];
  const [, quoted, token] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(header) ?? [];
  const name = extended === undefined ? (quoted?.replace(/\\(.)/g, '$1') ?? token) : decoded(extended);
  return name?.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function plainName(name: string | undefined): string | undefined {
  if (name === undefined || name === '' || name === '.' || name === '..') return undefined;
  if (/[\p{Cc}/]/u.test(name) || Buffer.byteLength(name) > 255) return undefined;
  return name;
}
