import { walkChangeset } from '../../layers/changeset.js';
import type { Changeset, File } from '../../layers/types.js';
import type { Digest } from '../../oci/digest.js';
import { TsbuildError } from '../../util/errors.js';

/** A stretch of the saved contents: one content whole, or bytes that nothing needs any more. */
export type Slot =
  | { readonly kind: 'content'; readonly digest: Digest; readonly size: number }
  | { readonly kind: 'gap'; readonly size: number };

/** The contents of a folder's files, each once and none that is empty, in the order of a tar. */
export function contentsOf(folder: Changeset): ReadonlyMap<Digest, File> {
  const contents = new Map<Digest, File>();
  for (const [, entry] of walkChangeset(folder)) {
    if (entry.kind === 'file' && entry.size > 0 && !contents.has(entry.digest))
      contents.set(entry.digest, entry);
  }
  return contents;
}

/** Slots as numbers: the place of a content among those of its folder, or minus the size of a gap. */
export function encodeSlots(slots: readonly Slot[], folder: Changeset): readonly number[] {
  const places = new Map([...contentsOf(folder).keys()].map((digest, i) => [digest, i]));
  return slots.map((slot) => (slot.kind === 'gap' ? -slot.size : (places.get(slot.digest) ?? 0)));
}

/** Reads what `encodeSlots` gives. Throws `image` for anything else. */
export function decodeSlots(numbers: unknown, folder: Changeset): readonly Slot[] {
  const contents = [...contentsOf(folder)];
  const damaged = () => new TsbuildError('image', 'a saved folder has an order of contents that is none');
  if (!Array.isArray(numbers)) throw damaged();
  return numbers.map((number: unknown): Slot => {
    if (!Number.isSafeInteger(number)) throw damaged();
    if (Number(number) < 0) return { kind: 'gap', size: -Number(number) };
    const [digest, file] = contents[Number(number)] ?? [];
    if (digest === undefined || file === undefined) throw damaged();
    return { kind: 'content', digest, size: file.size };
  });
}

export interface Reused<C> {
  readonly chunks: readonly C[];
  /** What the chunks hold. */
  readonly slots: readonly Slot[];
}

/** A chunk is kept while at least this part of it is needed. */
const leastNeeded = 0.5;

/**
 * The chunks of an earlier save that are worth keeping for a folder with the contents `needed`. What such a chunk holds
 * besides becomes a gap, as does a content of which only a part is left.
 */
export function reusedChunks<C extends { readonly size: number }>(
  before: { readonly chunks: readonly C[]; readonly slots: readonly Slot[] },
  needed: ReadonlyMap<Digest, unknown>,
): Reused<C> {
  const placed = placedSlots(before);
  const neededBytes = before.chunks.map(() => 0);
  for (const { slot, pieces } of placed) {
    if (slot.kind === 'gap' || !needed.has(slot.digest)) continue;
    for (const { chunk, size } of pieces) neededBytes[chunk] = (neededBytes[chunk] ?? 0) + size;
  }
  const isKept = before.chunks.map(({ size }, i) => (neededBytes[i] ?? 0) >= size * leastNeeded);
  const slots: Slot[] = [];
  for (const { slot, pieces } of placed) {
    const kept = pieces.filter(({ chunk }) => isKept[chunk] === true);
    if (slot.kind === 'content' && needed.has(slot.digest) && kept.length === pieces.length) slots.push(slot);
    else
      addGap(
        slots,
        kept.reduce((sum, { size }) => sum + size, 0),
      );
  }
  return { chunks: before.chunks.filter((_, i) => isKept[i] === true), slots };
}

function addGap(slots: Slot[], size: number): void {
  if (size === 0) return;
  const last = slots.at(-1);
  if (last?.kind === 'gap') slots[slots.length - 1] = { kind: 'gap', size: last.size + size };
  else slots.push({ kind: 'gap', size });
}

interface PlacedSlot {
  readonly slot: Slot;
  /** The bytes of it in each chunk that has some. */
  readonly pieces: readonly { readonly chunk: number; readonly size: number }[];
}

function placedSlots({
  chunks,
  slots,
}: {
  readonly chunks: readonly { readonly size: number }[];
  readonly slots: readonly Slot[];
}): readonly PlacedSlot[] {
  let chunk = 0;
  let left = chunks[0]?.size ?? 0;
  return slots.map((slot) => {
    const pieces: { chunk: number; size: number }[] = [];
    for (let rest = slot.size; rest > 0 && chunk < chunks.length;) {
      const size = Math.min(rest, left);
      if (size > 0) pieces.push({ chunk, size });
      [rest, left] = [rest - size, left - size];
      if (left === 0) left = chunks[++chunk]?.size ?? 0;
    }
    return { slot, pieces };
  });
}
