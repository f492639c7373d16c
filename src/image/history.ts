import type { DiffID } from '../oci/digest.js';
import type { Descriptor, HistoryEntry, ImageConfig } from '../oci/types.js';

/** One step of an image's history with the layer that it made. */
export interface HistoryRow {
  /** Absent for a layer of which the history says nothing. */
  readonly entry?: HistoryEntry | undefined;
  /** Absent for a step that made no layer. */
  readonly layer?: { readonly diffId: DiffID; readonly descriptor?: Descriptor | undefined } | undefined;
}

/**
 * Pairs the history of a config with its layers, oldest first. Entries without `empty_layer` take the layers in order
 * (image-spec config.md, "history"). Some builders write histories that do not fit: entries for which no layer is
 * left stand alone, layers that are left come last without an entry. `layers` are the manifest's, when known.
 */
export function pairHistory(config: ImageConfig, layers: readonly Descriptor[] = []): readonly HistoryRow[] {
  const pending = config.rootfs.diff_ids.map((diffId, i) => ({ diffId, descriptor: layers[i] }));
  const rows = (config.history ?? []).map((entry): HistoryRow => ({
    entry,
    layer: entry.empty_layer === true ? undefined : pending.shift(),
  }));
  return [...rows, ...pending.map((layer): HistoryRow => ({ layer }))];
}

/** Whether the history has exactly one entry without `empty_layer` per layer, or there is none at all. */
export function historyFits(config: ImageConfig): boolean {
  const history = config.history ?? [];
  const layers = history.filter((entry) => entry.empty_layer !== true).length;
  return history.length === 0 || layers === config.rootfs.diff_ids.length;
}
