import type { ContainerConfig, ImageConfig } from '../../oci/types.js';
import type { Vertex } from '../vertex.js';

/** A history entry to be; `layer` says that the next layer of the stage belongs to it. */
export interface HistoryItem {
  readonly createdBy: string;
  readonly layer: boolean;
}

/** What a stage is after an instruction. Instructions are functions from one state to the next. */
export interface StageState {
  /** The root so far. */
  readonly vertex: Vertex;
  /** The base image's config with everything that a build does not touch. */
  readonly base: ImageConfig;
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  /** Entries that the stage, and the stages below it, add to the base's. */
  readonly history: readonly HistoryItem[];
  /** Layers of the base image: what comes above belongs to `history`. */
  readonly baseLayers: number;
  /** ARGs in scope, in the order of their first declaration; undefined without a value. */
  readonly args: ReadonlyMap<string, string | undefined>;
  /** What words expand with and what RUN sees: ENV and ARG, the last writer wins. */
  readonly variables: ReadonlyMap<string, string>;
  /** The base image was not looked at: it may set variables that are not listed. */
  readonly openEnvironment: boolean;
  /** A CMD of this stage survives an ENTRYPOINT; an inherited one does not. */
  readonly ownCmd: boolean;
}

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const defaultShell: readonly string[] = ['/bin/sh', '-c'];

/** The state with a metadata entry in its history. */
export function recorded(state: StageState, createdBy: string): StageState {
  return { ...state, history: [...state.history, { createdBy, layer: false }] };
}

/** The state on a new root, with the entry of the layer that led there. */
export function onRoot(state: StageState, vertex: Vertex, createdBy: string): StageState {
  return { ...state, vertex, history: [...state.history, { createdBy, layer: true }] };
}

export function withConfig(state: StageState, change: ContainerConfig): StageState {
  return { ...state, config: { ...state.config, ...change } };
}

/** `Env` entries as a map, in order; an entry without `=` names no value and is left out of what steps see. */
export function parseEnv(env: readonly string[] | undefined): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const entry of env ?? []) {
    const at = entry.indexOf('=');
    if (at > 0) map.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return map;
}

/** `Env` with a variable set: an existing one keeps its place. */
export function setEnv(env: readonly string[], name: string, value: string): readonly string[] {
  const entry = `${name}=${value}`;
  const at = env.findIndex((known) => known.startsWith(`${name}=`) || known === name);
  return at < 0 ? [...env, entry] : env.with(at, entry);
}
