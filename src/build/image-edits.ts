import type { LayerStore } from '../layers/layer-store.js';
import { Snapshot } from '../layers/snapshot.js';
import type { Layer } from '../layers/layer.js';
import type { ContainerConfig, HistoryEntry } from '../oci/types.js';

/** What the command line changes in a finished image, as buildah's options do. */
export interface ImageEdits {
  readonly unsetEnv: readonly string[];
  readonly unsetLabels: readonly string[];
  readonly omitHistory: boolean;
  /** Which layers become one: those of this build, or those of the base too. */
  readonly squash: 'none' | 'new' | 'all';
  /** Seconds since 1970: the time of the image and of every file of its new layers. */
  readonly timestamp: number | undefined;
}

/** Removes variables and labels, wherever they come from. */
export function withoutUnset(
  config: ContainerConfig,
  { unsetEnv, unsetLabels }: Pick<ImageEdits, 'unsetEnv' | 'unsetLabels'>,
): ContainerConfig {
  const { Env, Labels, ...rest } = config;
  const env = Env?.filter((entry) => !unsetEnv.includes(entry.replace(/=.*/s, '')));
  const labels = Object.entries(Labels ?? {}).filter(([name]) => !unsetLabels.includes(name));
  return {
    ...rest,
    ...(env === undefined ? {} : { Env: env }),
    ...(labels.length === 0 ? {} : { Labels: Object.fromEntries(labels) }),
  };
}

/** Layers of a base, and those that were made on it. */
export interface LayerParts {
  readonly base: readonly Layer[];
  readonly made: readonly Layer[];
}

/** The parts with those that are to be one squashed: what one of them removed again is in no layer. */
export async function squashedParts(
  { base, made }: LayerParts,
  squash: ImageEdits['squash'],
  layers: LayerStore,
): Promise<LayerParts> {
  if (squash === 'none') return { base, made };
  const kept = squash === 'all' ? [] : base;
  const joined = [...base, ...made].slice(kept.length);
  if (joined.length < 2) return { base: kept, made: joined };
  return { base: kept, made: [await layers.squashed(Snapshot.of(kept), Snapshot.of([...kept, ...joined]))] };
}

/** History with so many layers from its end on as one: the last of them stands for all. */
export function squashedHistory(history: readonly HistoryEntry[], layers: number): readonly HistoryEntry[] {
  const places = history.flatMap(({ empty_layer: empty }, i) => (empty === true ? [] : [i]));
  const joined = new Set(places.slice(Math.max(0, places.length - layers), -1));
  return layers < 2
    ? history
    : history.map((entry, i) => (joined.has(i) ? { ...entry, empty_layer: true } : entry));
}
