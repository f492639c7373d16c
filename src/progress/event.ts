/** What happens during a build, as values. Core code emits; renderers (tty, plain, json…) consume. */
import type { Digest } from '../oci/digest.js';
import type { SourceRange } from '../util/source.js';

/** Identifies a step within one build; renderers give it a number when it is first seen. */
export type StepId = string;

/** A step became known. Emitted once per step, before any other event of it. */
export interface Declared {
  readonly kind: 'declared';
  readonly step: StepId;
  /** `[build 3/5] RUN make`, `exporting to oci layout`… */
  readonly name: string;
  readonly range?: SourceRange | undefined;
}
export interface Started {
  readonly kind: 'started';
  readonly step: StepId;
}
/** The step's result was taken from the cache. */
export interface Cached {
  readonly kind: 'cached';
  readonly step: StepId;
}
/** The step must run; `reason` says what differs from the nearest earlier record, when that is known. */
export interface Missed {
  readonly kind: 'missed';
  readonly step: StepId;
  readonly reason?: string | undefined;
}
/** The step cannot go on before somebody else is done: another process of the machine. */
export interface Waiting {
  readonly kind: 'waiting';
  readonly step: StepId;
  readonly reason: string;
}
export interface Output {
  readonly kind: 'output';
  readonly step: StepId;
  readonly stream: 'stdout' | 'stderr';
  readonly chunk: Uint8Array;
}
/** Bytes moved so far; `total` may be unknown. `item` is a digest or a file name. */
export interface Transfer {
  readonly kind: 'transfer';
  readonly step: StepId;
  readonly item: string;
  readonly done: number;
  readonly total?: number | undefined;
  /** What became of an item that needed no transfer. */
  readonly note?: 'exists' | 'mounted' | undefined;
}
export interface Warning {
  readonly kind: 'warning';
  readonly step?: StepId | undefined;
  readonly message: string;
  readonly range?: SourceRange | undefined;
  /** What the range lies in: the name of a file. */
  readonly source?: string | undefined;
  /** What can be done about it. */
  readonly hint?: string | undefined;
  /** Name of the lint rule that speaks, if one does, and where it is described. */
  readonly rule?: string | undefined;
  readonly page?: string | undefined;
}
export interface Finished {
  readonly kind: 'finished';
  readonly step: StepId;
  readonly outcome: 'done' | 'failed' | 'cancelled';
  readonly error?: string | undefined;
}
/** The whole build ended well. */
export interface Built {
  readonly kind: 'built';
  readonly names: readonly string[];
  /** Digest of the config: what names the image everywhere; of several platforms that of the index. */
  readonly image: Digest;
  /** Of an index. */
  readonly platforms?: readonly string[] | undefined;
  readonly layers: number;
  /** Uncompressed bytes of all layers whose size is known. */
  readonly size: number;
  readonly hits: number;
  readonly misses: number;
  readonly seconds: number;
}

export type BuildEvent =
  Declared | Started | Cached | Missed | Waiting | Output | Transfer | Warning | Finished | Built;

/** What every long operation is given: how to stop it and whom to tell. */
export interface Job {
  readonly signal: AbortSignal;
  emit(event: BuildEvent): void;
}
