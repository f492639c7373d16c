import type { BuildEvent, Output, StepId } from './event.js';
import { LineSplitter } from './line-splitter.js';

/** What a renderer remembers of a step. */
export interface Step {
  readonly id: StepId;
  name: string;
  /** Clock when the step first did something; undefined while it is only declared. */
  startedAt: number | undefined;
  cached: boolean;
  readonly streams: Map<Output['stream'], LineSplitter>;
}

/** The steps of one build by id. A step that nobody declared is named by its id. */
export class StepTable {
  readonly #steps = new Map<StepId, Step>();

  get(id: StepId): Step {
    const known = this.#steps.get(id);
    if (known !== undefined) return known;
    const step: Step = { id, name: id, startedAt: undefined, cached: false, streams: new Map() };
    this.#steps.set(id, step);
    return step;
  }

  get size(): number {
    return this.#steps.size;
  }
}

/** Lines that an output event completes. */
export function completedLines(step: Step, event: Output): string[] {
  let splitter = step.streams.get(event.stream);
  if (splitter === undefined) step.streams.set(event.stream, (splitter = new LineSplitter()));
  return splitter.push(event.chunk);
}

/** Unfinished lines of both streams; the step's streams are over. */
export function lastLines(step: Step): string[] {
  const lines = [...step.streams.values()].flatMap((splitter) => splitter.end());
  step.streams.clear();
  return lines;
}

/** Text of a warning in one line, with its place, its rule and the rule's page. */
export function warningText(event: Extract<BuildEvent, { kind: 'warning' }>): string {
  const { message, hint, range, source, rule, page } = event;
  const advice = hint === undefined ? '' : `: ${hint}`;
  const place =
    range === undefined ? '' : ` (${source === undefined ? 'line ' : `${source}:`}${range.startLine})`;
  const name = rule === undefined ? '' : ` [${rule}${page === undefined ? '' : `: ${page}`}]`;
  return `${message}${advice}${place}${name}`;
}
