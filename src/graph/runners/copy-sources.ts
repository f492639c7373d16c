import { fromByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { Snapshot } from '../../layers/snapshot.js';
import { cleanPath } from '../../layers/path.js';
import { select, type Selection } from '../../layers/select.js';
import type { ScannedContext } from '../../layers/scan-context.js';
import type { Body, File, Node, Tree } from '../../layers/types.js';
import { createIgnoreMatcher } from '../../parser/ignore.js';
import type { CopyOp, CopySourceSpec } from '../ops.js';
import type { Workshop } from '../runner.js';
import type { Vertex } from '../vertex.js';
import { ignoredSource, whyIgnored } from '../ignored-source.js';
import { inlineTree } from './inline.js';
import { isRemote, remoteFiles } from './remote.js';

/** An input of a copy with its result; contexts and inline files have none. */
export interface CopyOrigin {
  readonly vertex: Vertex;
  readonly snapshot: Snapshot | undefined;
}

/** What one source word selects, and where its bytes are. */
export interface SelectedSource extends Pick<CopySourceSpec, 'unpack'> {
  readonly pattern: string;
  readonly selections: readonly Selection[];
  /** From a build context or from the Dockerfile: owned by root and without extended attributes. */
  readonly fromOutside: boolean;
  readonly body: (file: File) => Promise<Body | undefined> | Body | undefined;
}

/** Selects the sources whose origin is given; files of a context are hashed before they are looked at. */
export async function selectSources(
  op: CopyOp,
  origins: readonly (CopyOrigin | undefined)[],
  shop: Workshop,
): Promise<readonly SelectedSource[]> {
  const excluded = createIgnoreMatcher(op.exclude);
  const exclude = op.exclude.length === 0 ? undefined : (path: string) => excluded.match(path).excluded;
  const selected: SelectedSource[] = [];
  for (const source of op.sources) {
    const origin = origins[source.input];
    if (origin === undefined) continue;
    selected.push(await selectSource(source, origin, { shop, exclude, parents: op.parents }));
  }
  return selected;
}

interface SelectionContext {
  readonly shop: Workshop;
  readonly exclude: ((path: string) => boolean) | undefined;
  readonly parents: boolean;
}

async function selectSource(
  source: CopySourceSpec,
  origin: CopyOrigin,
  { shop, exclude, parents }: SelectionContext,
): Promise<SelectedSource> {
  const { op } = origin.vertex;
  const { pattern, unpack } = source;
  const options = { parents, ...(exclude === undefined ? {} : { exclude }) };
  if (op.kind === 'context' || isRemote(op)) {
    const context = op.kind === 'context' ? await shop.context(op.name) : await remoteFiles(op, shop);
    const selections = explained(() => select(context.tree, pattern, options), pattern, context);
    const nodes = selections.map(({ node }) => node);
    await context.hash(filesOf(nodes));
    return { pattern, unpack, selections, fromOutside: true, body: contextBodies(context, nodes) };
  }
  if (op.kind === 'inline') {
    const { tree, body } = inlineTree(op, BigInt(shop.now()) * 1_000_000n);
    return { pattern, unpack, selections: select(tree, pattern, options), fromOutside: true, body };
  }
  const snapshot = origin.snapshot;
  if (snapshot === undefined) throw new Error(`${origin.vertex.origin.name} was not solved`);
  const tree: Tree = await snapshot.tree();
  return {
    pattern,
    unpack,
    selections: select(tree, pattern, options),
    fromOutside: false,
    body: (file) => snapshot.find(file),
  };
}

/** A source that an ignore file keeps out: the message names the pattern and its line. */
export function explained<T>(work: () => T, pattern: string, context: ScannedContext): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    const ignored = ignoredSource(pattern, context);
    if (ignored === undefined) throw error;
    const shown = JSON.stringify(fromByteString(pattern));
    const exception = `!${fromByteString(cleanPath(pattern))}`;
    throw new TsbuildError('copy', `${shown} is excluded from the build context`, {
      hint: `${whyIgnored(ignored)}; an exception such as ${exception} below that line lets it in`,
      cause: error,
    });
  }
}

/** The files among nodes and below them, those of one folder after each other. */
export function* filesOf(nodes: Iterable<Node>): Iterable<File> {
  const pending = [...nodes];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.kind === 'file') yield node;
    else if (node.kind === 'directory') {
      for (const below of node.entries.values()) {
        if (below.kind === 'file') yield below;
        else if (below.kind === 'directory') pending.push(below);
      }
    }
  }
}

/** Bodies by digest: what copy() returns are new nodes with other owners. Looked for when the first one is asked for. */
export function contextBodies(
  context: ScannedContext,
  nodes: readonly Node[],
): (file: File) => Body | undefined {
  let bodies: ReadonlyMap<string, Body> | undefined;
  return ({ digest }) => (bodies ??= bodiesOf(context, nodes)).get(digest);
}

function bodiesOf(context: ScannedContext, nodes: readonly Node[]): ReadonlyMap<string, Body> {
  const bodies = new Map<string, Body>();
  for (const file of filesOf(nodes)) {
    if (!bodies.has(file.digest)) bodies.set(file.digest, context.body(file));
  }
  return bodies;
}
