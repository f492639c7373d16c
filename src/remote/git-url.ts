import { TsbuildError } from '../util/errors.js';

/** What of a git repository is wanted. Everything in it was checked: it can be handed to git. */
export interface GitSource {
  /** Without user information, fragment and query. */
  readonly url: string;
  /** User information of an http URL. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  /** Branch, tag, full reference or commit; '' is the branch that the repository's HEAD names. */
  readonly ref: string;
  /** Folder of the repository, without leading slash; '' is the whole. */
  readonly subdir: string;
  /** Beginning of the commit that `ref` must lead to. */
  readonly commit?: string | undefined;
  readonly keepGitDir: boolean;
  readonly submodules: boolean;
  /** Whether files get the time of the commit, not that of the checkout. */
  readonly commitTime: boolean;
}

const scpForm = /^[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!\/\/)[^-\s?#]/;
const repositoryPath = /\.git\/?$/;

/**
 * Whether a source of ADD is a git repository: `ssh://`, `git://`, `git@host:path`, or an http URL whose path ends in
 * `.git`.
 */
export function isGitUrl(text: string): boolean {
  if (/^(?:ssh|git):\/\//i.test(text)) return true;
  if (/^https?:\/\//i.test(text)) return repositoryPath.test(text.replace(/[?#].*$/s, ''));
  return /^git@[^/]*:/.test(text) || scpForm.test(text);
}

/** As `isGitUrl`; a build context may also be `github.com/owner/repository`. */
export function isGitContext(text: string): boolean {
  return isGitUrl(text) || /^github\.com\/[^/]+\/[^/]+/.test(text);
}

/**
 * Takes `URL#ref:subdir` or `URL?ref=…&subdir=…` apart (BuildKit's "Git URLs"). Throws `usage` for what git could take
 * for an option, a command or another protocol, for unknown or contradicting parameters, and for a folder that leaves
 * the repository.
 */
export function parseGitUrl(text: string): GitSource {
  const full = text.startsWith('github.com/') ? `https://${text}` : text;
  if (/[\p{Cc}\s\\]/u.test(full)) throw bad(text, 'it has blanks, backslashes or control characters');
  const [address = '', ...fragments] = full.split('#');
  if (fragments.length > 1) throw bad(text, 'it has more than one #');
  const [base = '', ...queries] = address.split('?');
  const { url, credentials } = parseRemote(base, text);
  const fragment = fragments[0];
  const wanted = queries.length > 0 ? fromQuery(queries.join('?'), text) : fromFragment(fragment ?? '', text);
  if (queries.length > 0 && fragment !== undefined) throw bad(text, 'it has a # and a ?: give one of them');
  const source = {
    url,
    ...wanted,
    ref: checkedRef(wanted.ref, text),
    subdir: checkedFolder(wanted.subdir, text),
  };
  return credentials === undefined ? source : { ...source, credentials };
}

/** Shows a source to people: URL, reference and folder, without credentials. */
export function describeGit({ url, ref, subdir }: GitSource): string {
  const fragment = subdir === '' ? ref : `${ref}:${subdir}`;
  return fragment === '' ? url : `${url}#${fragment}`;
}

function parseRemote(base: string, text: string): Pick<GitSource, 'url' | 'credentials'> {
  if (scpForm.test(base) && !base.includes('://')) return { url: base };
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url === undefined || !/^(?:https?|ssh|git):$/.test(url.protocol)) throw bad(text, 'it is no git URL');
  if (url.hostname === '' || url.hostname.startsWith('-')) throw bad(text, 'its host is none');
  if (url.pathname.startsWith('/-') || url.pathname.length < 2) throw bad(text, 'it names no repository');
  if (url.username.startsWith('-') || url.username.startsWith('%2d'))
    throw bad(text, 'its user name is none');
  if (!/^https?:$/.test(url.protocol) || (url.username === '' && url.password === '')) return { url: base };
  const credentials = {
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  url.username = '';
  url.password = '';
  return { url: url.href, credentials };
}

type Wanted = Omit<GitSource, 'url' | 'credentials'>;
const everything: Wanted = {
  ref: '',
  subdir: '',
  keepGitDir: false,
  submodules: true,
  commitTime: false,
};

function fromFragment(fragment: string, text: string): Wanted {
  const colon = fragment.indexOf(':');
  if (colon < 0) return { ...everything, ref: decoded(fragment, text) };
  return {
    ...everything,
    ref: decoded(fragment.slice(0, colon), text),
    subdir: decoded(fragment.slice(colon + 1), text),
  };
}

function decoded(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw bad(text, 'it has a wrong percent encoding', error);
  }
}

const parameters = [
  'ref',
  'tag',
  'branch',
  'checksum',
  'commit',
  'subdir',
  'keep-git-dir',
  'submodules',
  'mtime',
];

function fromQuery(query: string, text: string): Wanted {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!parameters.includes(name)) throw bad(text, `it has the unknown parameter ${JSON.stringify(name)}`);
    if (values.has(name)) throw bad(text, `it has the parameter ${name} twice`);
    values.set(name, value);
  }
  const commit = onlyOne(values, ['checksum', 'commit'], text);
  return {
    ref: refOf(values, text),
    subdir: values.get('subdir') ?? '',
    commit: commit === undefined ? undefined : checkedCommit(commit),
    keepGitDir: booleanOf(values.get('keep-git-dir'), { otherwise: false, text }),
    submodules: booleanOf(values.get('submodules'), { otherwise: true, text }),
    commitTime: timeOf(values.get('mtime'), text),
  };
}

function refOf(values: ReadonlyMap<string, string>, text: string): string {
  onlyOne(values, ['ref', 'tag', 'branch'], text);
  const [tag, branch] = [values.get('tag'), values.get('branch')];
  if (tag !== undefined) return `refs/tags/${tag}`;
  return branch === undefined ? (values.get('ref') ?? '') : `refs/heads/${branch}`;
}

function onlyOne(
  values: ReadonlyMap<string, string>,
  names: readonly string[],
  text: string,
): string | undefined {
  const given = names.filter((name) => values.has(name));
  if (given.length > 1) throw bad(text, `${given.join(' and ')} contradict each other`);
  return given[0] === undefined ? undefined : values.get(given[0]);
}

function booleanOf(
  value: string | undefined,
  { otherwise, text }: { readonly otherwise: boolean; readonly text: string },
): boolean {
  if (value === undefined) return otherwise;
  if (/^(?:|1|true|t)$/i.test(value)) return true;
  if (/^(?:0|false|f)$/i.test(value)) return false;
  throw bad(text, `${JSON.stringify(value)} is neither true nor false`);
}

function timeOf(value: string | undefined, text: string): boolean {
  if (value === undefined || value === 'checkout') return false;
  if (value === 'commit') return true;
  throw bad(text, 'mtime is checkout or commit');
}

/** Hex digits of a commit, at least 7 of them. Throws `usage`. */
export function checkedCommit(text: string): string {
  if (/^[0-9a-f]{7,64}$/.test(text)) return text;
  throw new TsbuildError('usage', `${JSON.stringify(text)} is no commit, which has 7 to 64 hex digits`);
}

/** What git allows in a reference (git-check-ref-format), and nothing that begins like an option. */
function checkedRef(ref: string, text: string): string {
  if (ref === '') return ref;
  const wrong =
    ref.startsWith('-') ||
    /\/-|\.\.|@\{|\/\/|[\p{Cc}\s~^:?*[\\]|\.lock(?:\/|$)|^[/.]|\/\.|[/.]$/u.test(ref) ||
    ref === '@';
  if (wrong) throw bad(text, `${JSON.stringify(ref)} is no branch, tag or commit`);
  return ref;
}

function checkedFolder(subdir: string, text: string): string {
  const names = subdir.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..') || names.some((name) => name.toLowerCase() === '.git') || /\p{Cc}/u.test(subdir))
    throw bad(text, `the folder ${JSON.stringify(subdir)} is not inside the repository`);
  return names.join('/');
}

/** The text may hold a password, so only what stands behind `@` is shown. */
function bad(text: string, why: string, cause?: unknown): TsbuildError {
  const shown = text.replace(/\/\/[^/#?]*@/, '//').slice(0, 200);
  return new TsbuildError('usage', `${JSON.stringify(shown)} is not a git source: ${why}`, {
    hint: 'write URL#REF:FOLDER or URL?ref=REF&subdir=FOLDER',
    cause,
  });
}
