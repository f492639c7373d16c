import { annotationsAt, maybeAnnotations, type Annotation } from '../image/annotations.js';
import { assembleIndex } from '../image/assemble.js';
import type { StoredImage, StoredIndex } from '../store/references.js';
import type { Store } from '../store/store.js';

/** Puts the index of stored images into the store and gives it its names. */
export async function storeIndex(
  images: readonly StoredImage[],
  {
    store,
    names,
    annotations,
  }: {
    readonly store: Store;
    readonly names: readonly string[];
    readonly annotations: readonly Annotation[];
  },
): Promise<StoredIndex> {
  const members = images.map(({ manifest, platform }) => ({ manifest, platform }));
  const { bytes, descriptor } = assembleIndex(members, { annotations: annotationsAt(annotations, 'index') });
  await store.blobs.put(bytes);
  const own = maybeAnnotations(annotationsAt(annotations, 'index-descriptor'));
  const stored: StoredIndex = { kind: 'index', index: { ...descriptor, ...own }, images };
  for (const name of names) await store.references.set(name, stored);
  return stored;
}
