import { TsbuildError } from '../util/errors.js';
import { isDigest, type Digest } from './digest.js';

/** Name of an image in a registry, normalised (`busybox` is `docker.io/library/busybox`). */
export interface Reference {
  /** `host[:port]` in lower case; Docker Hub is `docker.io`, although its API lives elsewhere. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

const hub = 'docker.io';
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domain = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:.]+\\])(?::[0-9]+)?$`);
const path = /^[a-z0-9]+(?:(?:[_.]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[_.]|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const maximumText = 1024;
const maximumRepository = 255;

/**
 * Parses `[registry/]repository[:tag][@digest]` by the grammar of distribution's `reference` package, with Docker's
 * short names expanded. The first component is a registry when it contains `.` or `:`, or is `localhost` (there also
 * when it has a capital: `User/app` is refused here, since it is a user's slip far more often than a host).
 * No tag is added; see `withDefaultTag`. Throws `usage`.
 */
export function parseReference(text: string): Reference {
  if (text.length > maximumText) throw invalid(text, 'it is too long');
  const [named, digest] = splitDigest(text);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const tag = tagged ? named.slice(colon + 1) : undefined;
  const name = tagged ? named.slice(0, colon) : named;
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, tagHint(tag));
  return { ...parseName(text, name), tag, digest };
}

/** The same reference with the tag `latest` when it has neither a tag nor a digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: 'latest' }
    : reference;
}

/** The whole name: `docker.io/library/busybox:latest`. */
export function formatReference(reference: Reference): string {
  return suffixed(`${reference.registry}/${reference.repository}`, reference);
}

/** The name as Docker shows it to people: `busybox:latest`, `user/app`, `ghcr.io/org/app:1`. */
export function familiarReference(reference: Reference): string {
  const { registry, repository } = reference;
  if (registry !== hub) return formatReference(reference);
  const short = repository.startsWith('library/') ? repository.slice('library/'.length) : repository;
  return suffixed(short.includes('/') && repository.startsWith('library/') ? repository : short, reference);
}

/** Whether a text may be a tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

function suffixed(name: string, { tag, digest }: Reference): string {
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function splitDigest(text: string): [named: string, digest?: Digest] {
  const at = text.indexOf('@');
  if (at === -1) return [text];
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw invalid(text, 'a digest is sha256: and 64 lower-case hexadecimal digits');
  return [text.slice(0, at), digest];
}

function parseName(text: string, name: string): Pick<Reference, 'registry' | 'repository'> {
  const [registry, remote] = splitRegistry(name);
  if (registry === undefined && /^[0-9a-f]{64}$/.test(remote))
    throw invalid(text, 'an image id is not a name: give it a tag first');
  if (registry !== undefined && !domain.test(registry))
    throw invalid(text, `${JSON.stringify(registry)} is no registry host`);
  const host =
    registry === undefined || registry.toLowerCase() === 'index.docker.io' ? hub : registry.toLowerCase();
  const repository = host === hub && !remote.includes('/') && remote !== '' ? `library/${remote}` : remote;
  if (!path.test(repository)) throw invalid(text, repositoryHint(remote));
  if (repository.length > maximumRepository)
    throw invalid(text, `a repository name has at most ${maximumRepository} characters`);
  return { registry: host, repository };
}

function splitRegistry(name: string): [registry: string | undefined, remote: string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  const isRegistry = slash !== -1 && (/[.:]/.test(first) || first.toLowerCase() === 'localhost');
  return isRegistry ? [first, name.slice(slash + 1)] : [undefined, name];
}

function repositoryHint(remote: string): string {
  if (remote === '') return 'the repository name is missing';
  if (remote.includes('://')) return 'leave out the scheme';
  if (remote.startsWith('-')) return 'a name does not begin with a dash: was an option meant?';
  if (path.test(remote.toLowerCase())) return 'a repository name is in lower case';
  return 'a repository name is lower-case letters and digits, separated by one of . _ / or by dashes';
}

function tagHint(tag: string): string {
  if (tag === '') return 'the tag after the colon is missing';
  return 'a tag is at most 128 letters, digits, dots, dashes and underscores, and begins with none of . -';
}

function invalid(text: string, hint: string): TsbuildError {
  const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return new TsbuildError('usage', `invalid image reference ${shown}`, { hint });
}
