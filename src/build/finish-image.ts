import { inlineKey } from '../cache/remote/inline-key.js';
import type { Provenance } from '../graph/solver.js';
import type { HistoryItem, StageState } from '../graph/lower/stage-state.js';
import type { Layer, LayerId } from '../layers/layer.js';
import type { LayerStore } from '../layers/layer-store.js';
import type { Snapshot } from '../layers/snapshot.js';
import type { HistoryEntry, ImageConfig } from '../oci/types.js';
import type { DiffID } from '../oci/digest.js';
import { squashedHistory, squashedParts, withoutUnset, type ImageEdits } from './image-edits.js';

/** Comment of every history entry: tools know by it how to read `created_by`. */
const comment = 'buildkit.dockerfile.v0';

/** A finished image: its config and the layers that are part of it, from the bottom up. */
export interface FinishedImage {
  readonly config: ImageConfig;
  /** Those that change nothing are among them, as with BuildKit: each step that can make a layer has made one. */
  readonly layers: readonly Layer[];
  /** Where each layer came from in this build, in the order of `layers`. */
  readonly verdicts: readonly LayerVerdict[];
}

/** A layer of the base image, or one taken from the cache or made by this build, and the cache's key for it. */
export type LayerVerdict = { readonly verdict: 'base' } | Provenance;

export interface FinishOptions {
  readonly layers: LayerStore;
  /** Seconds since 1970: when the image and its new history were created. */
  readonly epoch: number | undefined;
  /** The latest time of files in new layers. */
  readonly fileEpoch: number | undefined;
  /** Where layers came from. */
  readonly provenance: ReadonlyMap<LayerId, Provenance>;
  readonly edits: ImageEdits;
}

/**
 * Joins a snapshot and the state of its stage. With `epoch` new history entries and the image are created then, with
 * `fileEpoch` file times of new layers are clamped to it.
 */
export async function finishImage(
  state: StageState,
  snapshot: Snapshot,
  { epoch, provenance, edits, ...options }: FinishOptions,
): Promise<FinishedImage> {
  const whole = {
    base: snapshot.layers.slice(0, state.baseLayers),
    made: snapshot.layers.slice(state.baseLayers),
  };
  const { base, made } = await squashedParts(whole, edits.squash, options.layers);
  const kept = await Promise.all(made.map((layer) => retimed(layer, { ...options, edits })));
  const diffIds: readonly DiffID[] = [
    ...state.base.rootfs.diff_ids.slice(0, base.length),
    ...(await Promise.all(kept.map((layer) => layer.diffId()))),
  ];
  const entries = [...(state.base.history ?? []), ...historyOf(state.history, whole.made, epoch)];
  const joined = snapshot.layers.length - base.length - made.length + 1;
  const history = squashedHistory(fillTimes(entries), joined);
  const last = snapshot.layers.at(-1);
  const verdictOf = ({ ref }: Layer): LayerVerdict =>
    provenance.get(ref.id) ?? (last && provenance.get(last.ref.id)) ?? { verdict: 'base' };
  return {
    config: configOf(state, { diffIds, history, epoch, edits }),
    layers: [...base, ...kept],
    verdicts: [...base.map((): LayerVerdict => ({ verdict: 'base' })), ...made.map(verdictOf)],
  };
}

async function retimed(
  layer: Layer,
  { layers, fileEpoch, edits: { timestamp } }: Pick<FinishOptions, 'layers' | 'fileEpoch' | 'edits'>,
): Promise<Layer> {
  if (timestamp !== undefined) return layers.stamped(layer, timestamp);
  return fileEpoch === undefined ? layer : layers.clamped(layer, fileEpoch);
}

/** Entries without a time stand for instructions that made no layer. */
function historyOf(
  items: readonly HistoryItem[],
  made: readonly Layer[],
  epoch: number | undefined,
): HistoryEntry[] {
  const rest = [...made];
  return items.map(({ createdBy, layer }): HistoryEntry => {
    const own = layer ? rest.shift() : undefined;
    const created = epoch === undefined ? own?.ref.created : epoch * 1000;
    return {
      ...(created === undefined ? {} : { created: isoTime(created) }),
      created_by: createdBy,
      comment,
      ...(own === undefined ? { empty_layer: true } : {}),
    };
  });
}

/**
 * Entries without a time take that of the layer before them; those before the first new layer take its time; without
 * any new layer they take the base's last one (BuildKit's exporter does the same).
 */
function fillTimes(history: readonly HistoryEntry[]): HistoryEntry[] {
  const firstOpen = history.findIndex(({ created }) => created === undefined);
  if (firstOpen < 0) return [...history];
  const next = history.slice(firstOpen).find(({ created }) => created !== undefined)?.created;
  let time = next ?? history.slice(0, firstOpen).findLast(({ created }) => created !== undefined)?.created;
  return history.map((entry, i) => {
    if (i >= firstOpen && entry.created !== undefined) time = entry.created;
    return entry.created === undefined && time !== undefined ? { created: time, ...entry } : entry;
  });
}

function configOf(
  state: StageState,
  {
    diffIds,
    history,
    epoch,
    edits,
  }: Pick<FinishOptions, 'epoch' | 'edits'> & {
    readonly diffIds: readonly DiffID[];
    readonly history: readonly HistoryEntry[];
  },
): ImageConfig {
  const {
    created: _created,
    author: _author,
    history: _history,
    [inlineKey]: _records,
    ...inherited
  } = state.base;
  const created = epoch === undefined ? history.at(-1)?.created : isoTime(epoch * 1000);
  return {
    ...inherited,
    ...(created === undefined ? {} : { created }),
    ...(state.author === undefined ? {} : { author: state.author }),
    config: withoutUndefined(withoutUnset(state.config, edits)),
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(edits.omitHistory ? {} : { history }),
  };
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
