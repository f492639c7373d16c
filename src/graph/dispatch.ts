import type { Recipe } from '../cache/types.js';
import { Snapshot } from '../layers/snapshot.js';
import type { CopyOp, ExecOp, ImageOp, InlineOp, MkdirOp, Op } from './ops.js';
import type { Prepared, SelectedFiles, Workshop } from './runner.js';
import { copyRunner } from './runners/copy.js';
import { execRunner } from './runners/exec.js';
import { imageRecipe, imageSnapshot } from './runners/image.js';
import { inlineRecipe } from './runners/inline.js';
import { mkdirRunner } from './runners/mkdir.js';
import { isRemote } from './runners/remote.js';
import type { Vertex } from './vertex.js';

/** Vertices that bring something in and are never kept under a key of their own. */
export function isSource(vertex: Vertex): boolean {
  return vertex.op.kind === 'scratch' || vertex.op.kind === 'image' || !entersByKey(vertex);
}

/** The op's own part of its definition key. */
export async function ownRecipe(vertex: Vertex, shop: Workshop): Promise<Recipe> {
  const { op } = vertex;
  switch (op.kind) {
    case 'scratch':
    case 'context':
    case 'http':
    case 'git':
      return [['op', op.kind]];
    case 'image':
      return imageRecipe(op);
    case 'inline':
      return inlineRecipe(op);
    case 'copy':
      return copyRunner.definition(vertex as Vertex<CopyOp>, shop);
    case 'mkdir':
      return mkdirRunner.definition(vertex as Vertex<MkdirOp>, shop);
    case 'exec':
      return execRunner.definition(vertex as Vertex<ExecOp>, shop);
  }
}

/** Whether an input enters the definition key by its own key; others enter by the content that the op selects. */
export function entersByKey({ op }: Vertex): boolean {
  return op.kind !== 'context' && op.kind !== 'inline' && !isRemote(op);
}

/** The snapshot of a source; contexts and inline files have none: copy reads them itself. */
export function sourceSnapshot(vertex: Vertex, shop: Workshop): Promise<Snapshot> {
  return vertex.op.kind === 'image'
    ? imageSnapshot(vertex as Vertex<ImageOp>, shop)
    : Promise.resolve(Snapshot.empty);
}

export function prepare(vertex: Vertex, inputs: readonly Snapshot[], shop: Workshop): Promise<Prepared> {
  const { op } = vertex;
  switch (op.kind) {
    case 'copy':
      return copyRunner.prepare({ vertex: vertex as Vertex<CopyOp>, op, inputs, shop });
    case 'mkdir':
      return mkdirRunner.prepare({ vertex: vertex as Vertex<MkdirOp>, op, inputs, shop });
    case 'exec':
      return execRunner.prepare({ vertex: vertex as Vertex<ExecOp>, op, inputs, shop });
    default:
      return Promise.reject(new Error(`${sourceName(op)} is a source and has no work`));
  }
}

/** What an op selects from contexts, under the digests that stand in its definition key. */
export async function selectionsOf(vertex: Vertex, shop: Workshop): Promise<readonly SelectedFiles[]> {
  switch (vertex.op.kind) {
    case 'copy':
      return (await copyRunner.selections?.(vertex as Vertex<CopyOp>, shop)) ?? [];
    case 'exec':
      return (await execRunner.selections?.(vertex as Vertex<ExecOp>, shop)) ?? [];
    default:
      return [];
  }
}

/** Whether a step runs a program: worth waiting for when another process runs it already. */
export function isExecution({ op }: Vertex): boolean {
  return op.kind === 'exec';
}

function sourceName(op: Exclude<Op, CopyOp | MkdirOp | ExecOp> | InlineOp): string {
  return op.kind;
}
