import { mkdir } from 'node:fs/promises';
import { asAddition } from '../../layers/changeset.js';
import { changesetContentDigest } from '../../layers/content-digest.js';
import { mapEntries } from '../../layers/map-entries.js';
import { materialise } from '../../layers/materialise.js';
import { resolve } from '../../layers/resolve.js';
import { emptyTree } from '../../layers/tree.js';
import type { BodySource, Changeset, Metadata, Node, OverlayNamespace, Tree } from '../../layers/types.js';
import type { Snapshot } from '../../layers/snapshot.js';
import type { Digest } from '../../oci/digest.js';
import { toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecMount, ExecOp, MountSource } from '../ops.js';
import type { Task, Workshop } from '../runner.js';
import type { Vertex } from '../vertex.js';
import { contextBodies, explained, filesOf } from './copy-sources.js';

/** What a mount shows of an input: a folder, or one file as the only entry of a folder. */
export interface MountSelection {
  readonly changeset: Changeset;
  /** Name of the file in `changeset`; undefined for a folder. */
  readonly file: string | undefined;
  /** Byte string relative to the input's root, without links. */
  readonly path: string;
  /** Without mtimes. */
  readonly digest: Digest;
  readonly bodies: BodySource;
}

/** Sources of an op's mounts with the targets that they belong to. */
export function mountSources(op: ExecOp): { readonly target: string; readonly source: MountSource }[] {
  return op.mounts.flatMap((mount: ExecMount) =>
    mount.kind === 'bind' ? [{ target: mount.target, source: mount.source }] : [],
  );
}

/** What the bind mounts of one build show, each selected and written to disk at most once. */
export class MountViews {
  readonly #selections = new Map<string, Promise<MountSelection>>();
  readonly #folders = new Map<Digest, Promise<string>>();

  /** Throws `run` for a source that is not there, or is neither folder nor file; a link ends inside its input. */
  select(source: MountSource, task: MountTask): Promise<MountSelection> {
    const key = `${task.vertex.inputs[source.input]?.digest} ${source.path}`;
    const known = this.#selections.get(key) ?? selectMount(source, task);
    this.#selections.set(key, known);
    return known;
  }

  /**
   * Host path (byte string) of a selection of the context, which lives until the build ends. Bytes are compared on
   * the way: what the step sees is what was hashed.
   */
  async onDisk(
    selected: MountSelection,
    { shop, namespace }: { readonly shop: Workshop; readonly namespace: OverlayNamespace },
  ): Promise<string> {
    const known = this.#folders.get(selected.digest) ?? write(selected, shop.temporaryFile(), namespace);
    this.#folders.set(selected.digest, known);
    const folder = await known;
    return selected.file === undefined ? folder : `${folder}/${selected.file}`;
  }
}

/** The part of a task that mounts are selected with. */
export type MountTask = Pick<Task<ExecOp>, 'vertex' | 'inputs' | 'shop'>;

async function selectMount(
  { input, path }: MountSource,
  { vertex, inputs, shop }: MountTask,
): Promise<MountSelection> {
  const from = vertex.inputs[input];
  if (from === undefined) throw new Error(`mount of input ${input}, which is absent`);
  if (from.op.kind === 'context') return selectFromContext(from.op.name, path, shop);
  const snapshot = inputs[input];
  if (snapshot === undefined) throw new Error(`${from.origin.name} was not solved`);
  return selectFromSnapshot(snapshot, path, from);
}

async function selectFromContext(name: string, path: string, shop: Workshop): Promise<MountSelection> {
  const context = await shop.context(name);
  const found = explained(() => find(context.tree, path, 'the build context'), toByteString(path), context);
  await context.hash(filesOf([found.node]));
  const body = contextBodies(context, [found.node]);
  return selection(found, {
    owned: (changeset) => mapEntries(changeset, toRoot),
    bodies: (file) => body(file) ?? missing(path),
  });
}

async function selectFromSnapshot(snapshot: Snapshot, path: string, from: Vertex): Promise<MountSelection> {
  const found = find(await snapshot.tree(), path, sourceName(from));
  return selection(found, { owned: (changeset) => changeset, bodies: (file) => snapshot.body(file) });
}

function sourceName({ op }: Vertex): string {
  return op.kind === 'image' ? op.name : 'the stage';
}

function find(tree: Tree, path: string, where: string): { readonly path: string; readonly node: Node } {
  const found = resolve(tree, toByteString(path));
  if (found.node?.kind === 'directory' || found.node?.kind === 'file')
    return { path: found.path, node: found.node };
  const problem = found.node === undefined ? 'is not in' : 'is neither a folder nor a file of';
  throw new TsbuildError('run', `mount source ${JSON.stringify(path)} ${problem} ${where}`, {
    hint: 'the source of --mount is a path from the root of the context, stage or image',
  });
}

const fileName = 'file';

function selection(
  { path, node }: { readonly path: string; readonly node: Node },
  { owned, bodies }: { owned: (changeset: Changeset) => Changeset; bodies: BodySource },
): MountSelection {
  const whole = node.kind === 'directory' ? node : { ...emptyTree(), entries: new Map([[fileName, node]]) };
  const changeset = owned(asAddition(whole));
  const file = node.kind === 'directory' ? undefined : fileName;
  return { changeset, file, path, digest: changesetContentDigest(changeset), bodies };
}

/** Files of a context belong to root, whoever checked them out. */
const toRoot = {
  leaf: <E extends { readonly kind: string; readonly meta?: Metadata }>(entry: E): E =>
    entry.meta === undefined ? entry : { ...entry, meta: ownedByRoot(entry.meta) },
  directory: <E extends { readonly meta: Metadata | undefined }>(entry: E): E =>
    entry.meta === undefined ? entry : { ...entry, meta: ownedByRoot(entry.meta) },
};

function ownedByRoot(meta: Metadata): Metadata {
  return meta.uid === 0 && meta.gid === 0 ? meta : { ...meta, uid: 0, gid: 0 };
}

function missing(path: string): never {
  throw new TsbuildError('context', `a file below ${JSON.stringify(path)} is not part of the build context`);
}

async function write(
  { changeset, bodies }: MountSelection,
  path: string,
  namespace: OverlayNamespace,
): Promise<string> {
  await mkdir(path, { mode: 0o700 });
  const destination = toByteString(`${path}/root`);
  await materialise({ changeset, bodies }, emptyTree(), destination, namespace);
  return destination;
}
