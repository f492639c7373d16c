import { createHash } from 'node:crypto';
import { finishDigest, type Digest } from '../oci/digest.js';
import { resolveInnerLinks } from './hard-links.js';
import { linkGroups } from './link-groups.js';
import { byName } from './path.js';
import type { Changeset, ChangesetDirectory, ChangesetEntry, Directory, Metadata, Node } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/*
 * Every field is written as `<length>:<bytes>`, every list starts with its length, and each digest begins with a
 * label that has a version, so two values with one preimage are equal. A directory's digest is made of its
 * entries' and is remembered for the directory object. Hard-link groups may span directories: they are hashed
 * beside the tree, as the sorted names of each group, and only names below the given node count.
 */

type AnyDirectory = Directory | ChangesetDirectory;
type AnyEntry = Node | ChangesetEntry;

interface Scheme {
  readonly label: string;
  readonly times: boolean;
  readonly owners: boolean;
  readonly known: WeakMap<AnyDirectory, Digest>;
}

const content: Scheme = { label: 'tsbuild.content.v1', times: false, owners: true, known: new WeakMap() };
const context: Scheme = { label: 'tsbuild.context.v1', times: false, owners: false, known: new WeakMap() };
const identity: Scheme = { label: 'tsbuild.identity.v1', times: true, owners: true, known: new WeakMap() };

/** Digest of everything but mtimes: type, mode, owner, xattrs, size, content, targets, devices, names, hard links. */
export function contentDigest(node: Node): Digest {
  return digestOfEntry(node, content);
}

/** As `contentDigest`, without owners: of files of a build context, which all belong to root in an image. */
export function contextDigest(node: Node): Digest {
  return digestOfEntry(node, context);
}

/** As `contentDigest`, with mtimes. */
export function identityDigest(node: Node): Digest {
  return digestOfEntry(node, identity);
}

/** `contentDigest` of a changeset: whiteouts, opaque directories and implicit parents count as well. */
export function changesetContentDigest(changeset: Changeset): Digest {
  return digestOfEntry(resolveInnerLinks(changeset), content);
}

/** As `changesetContentDigest`, with mtimes: what names a layer that was made here. */
export function changesetIdentity(changeset: Changeset): Digest {
  return digestOfEntry(resolveInnerLinks(changeset), identity);
}

function digestOfEntry(entry: AnyEntry, scheme: Scheme): Digest {
  const groups = entry.kind === 'directory' ? [...linkGroups(entry).values()] : [];
  const own = entry.kind === 'directory' ? unwind(digestOfDirectory(entry, scheme)) : leaf(entry, scheme);
  const hash = createHash('sha256').update(
    fields(scheme.label, entry.kind, own, String(groups.length)),
    'latin1',
  );
  for (const names of groups) hash.update(fields(String(names.length), ...names), 'latin1');
  return finishDigest(hash);
}

function* digestOfDirectory(directory: AnyDirectory, scheme: Scheme): Recursion<Digest> {
  const known = scheme.known.get(directory);
  if (known !== undefined) return known;
  const opaque = 'opaque' in directory && directory.opaque ? 'opaque' : '';
  const head = fields('directory', opaque, metadata(directory.meta, scheme), String(directory.entries.size));
  const hash = createHash('sha256').update(head, 'latin1');
  for (const [name, entry] of [...directory.entries].sort(byName)) {
    const body = entry.kind === 'directory' ? yield digestOfDirectory(entry, scheme) : leaf(entry, scheme);
    hash.update(fields(name, entry.kind, body), 'latin1');
  }
  const digest = finishDigest(hash);
  scheme.known.set(directory, digest);
  return digest;
}

function leaf(entry: Exclude<AnyEntry, AnyDirectory>, scheme: Scheme): string {
  switch (entry.kind) {
    case 'file':
      return fields(metadata(entry.meta, scheme), String(entry.size), entry.digest);
    case 'symlink':
      return fields(metadata(entry.meta, scheme), entry.target);
    case 'device':
      return fields(metadata(entry.meta, scheme), entry.type, String(entry.major), String(entry.minor));
    case 'hardlink':
      return fields(entry.target, entry.below === true ? 'below' : '');
    case 'whiteout':
      return '';
  }
}

function metadata(meta: Metadata | undefined, { times, owners }: Scheme): string {
  if (meta === undefined) return '';
  const { mode, uid, gid, mtime } = meta;
  const basic = fields(`${mode}`, owners ? `${uid}` : '', owners ? `${gid}` : '', times ? `${mtime}` : '');
  const xattrs = [...(meta.xattrs ?? [])].sort(byName);
  const values = xattrs.flatMap(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
  return basic + fields(`${xattrs.length}`, ...values);
}

function fields(...values: string[]): string {
  let text = '';
  for (const value of values) text += `${value.length}:${value}`;
  return text;
}
