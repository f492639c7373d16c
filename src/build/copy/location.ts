import { formatReference, parseReference, withDefaultTag, type Reference } from '../../oci/reference.js';
import { TsbuildError } from '../../util/errors.js';

/** Where an image is, or is to be. Paths are as given. */
export type Location =
  | { readonly kind: 'registry'; readonly reference: Reference }
  | { readonly kind: 'oci'; readonly path: string; readonly name: string | undefined }
  | { readonly kind: 'oci-archive'; readonly path: string; readonly name: string | undefined }
  | { readonly kind: 'docker-archive'; readonly path: string; readonly name: string | undefined }
  | { readonly kind: 'store'; readonly name: string };

const folders = new Set(['oci', 'oci-archive', 'docker-archive']);

/**
 * Parses `NAME` or `docker://NAME` (a registry), `oci:FOLDER[:NAME]`, `oci-archive:FILE[:NAME]`,
 * `docker-archive:FILE[:NAME]` and `store:NAME`; the same as skopeo's, but for the store. Throws `usage`.
 */
export function parseLocation(text: string): Location {
  const colon = text.indexOf(':');
  const [kind, rest] = colon === -1 ? ['', text] : [text.slice(0, colon), text.slice(colon + 1)];
  if (isPathKind(kind)) return pathLocation(kind, rest);
  if (kind === 'store') return { kind, name: rest };
  const name = kind === 'docker' && rest.startsWith('//') ? rest.slice(2) : text;
  return { kind: 'registry', reference: withDefaultTag(parseReference(name)) };
}

/** The location as text, for messages and progress. */
export function formatLocation(location: Location): string {
  if (location.kind === 'registry') return formatReference(location.reference);
  if (location.kind === 'store') return `store:${location.name}`;
  return `${location.kind}:${location.path}${location.name === undefined ? '' : `:${location.name}`}`;
}

function isPathKind(kind: string): kind is 'oci' | 'oci-archive' | 'docker-archive' {
  return folders.has(kind);
}

function pathLocation(kind: 'oci' | 'oci-archive' | 'docker-archive', rest: string): Location {
  const colon = rest.indexOf(':');
  const [path, name] = colon === -1 ? [rest, undefined] : [rest.slice(0, colon), rest.slice(colon + 1)];
  if (path === '')
    throw new TsbuildError('usage', `${kind}: needs a path`, { hint: `write ${kind}:PATH:TAG` });
  if (name === '') throw new TsbuildError('usage', `the name after ${kind}:${path}: is missing`);
  return { kind, path, name };
}
