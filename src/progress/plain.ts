import { cleanOutputLine, escapeControls } from './escape.js';
import type { BuildEvent, Finished, Output, Transfer } from './event.js';
import type { Renderer, RendererOptions } from './renderer.js';
import { completedLines, lastLines, StepTable, warningText, type Step } from './steps.js';
import { paint } from './style.js';
import { formatSummary } from './summary.js';
import { transferText, TransferThrottle } from './transfers.js';

/**
 * Lines for logs: `#7 [build 3/5] RUN make`, `#7 0.412 text`, `#7 CACHED`, `#7 DONE 1.2s`. Every line starts with
 * a prefix of ours, so that a step's output can never be taken for a command to the CI system
 * (`::set-output`, `##vso[`). Steps are numbered in the order in which they first have something to say.
 */
export class PlainRenderer implements Renderer {
  readonly #options: RendererOptions;
  readonly #steps = new StepTable();
  readonly #numbers = new Map<Step, number>();
  readonly #transfers = new TransferThrottle();

  constructor(options: RendererOptions) {
    this.#options = options;
  }

  emit(event: BuildEvent): void {
    switch (event.kind) {
      case 'declared':
        this.#steps.get(event.step).name = event.name;
        break;
      case 'started':
        this.#begin(this.#steps.get(event.step));
        break;
      case 'cached':
        this.#cached(this.#steps.get(event.step));
        break;
      case 'missed':
        if (event.reason !== undefined) this.#say(event.step, `cache miss: ${escapeControls(event.reason)}`);
        break;
      case 'waiting':
        this.#say(event.step, `waiting: ${escapeControls(event.reason)}`);
        break;
      case 'output':
        this.#output(event);
        break;
      case 'transfer':
        this.#transfer(event);
        break;
      case 'warning':
        this.#warn(event);
        break;
      case 'finished':
        this.#finished(event);
        break;
      case 'built':
        this.#options.writer.write(`\n${formatSummary(event, this.#options)}`);
        break;
    }
  }

  /** Unfinished lines of steps that never finished. */
  end(): void {
    for (const step of this.#numbers.keys()) this.#lines(step, lastLines(step));
  }

  /** Gives the step its number and its header line; does nothing the second time. */
  #begin(step: Step): number {
    const known = this.#numbers.get(step);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    this.#numbers.set(step, number);
    step.startedAt = this.#options.clock();
    this.#options.writer.write(
      `#${number} ${paint('bold', escapeControls(step.name), this.#options.color)}\n`,
    );
    return number;
  }

  #say(id: string, text: string): void {
    this.#options.writer.write(`#${this.#begin(this.#steps.get(id))} ${text}\n`);
  }

  #cached(step: Step): void {
    step.cached = true;
    this.#say(step.id, paint('cyan', 'CACHED', this.#options.color));
  }

  #output(event: Output): void {
    const step = this.#steps.get(event.step);
    this.#lines(step, completedLines(step, event));
  }

  #lines(step: Step, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const number = this.#begin(step);
    const prefix = `#${number} ${this.#seconds(step).toFixed(3)} `;
    const clean = lines.map((line) => `${prefix}${cleanOutputLine(line, this.#options.color)}\n`);
    this.#options.writer.write(clean.join(''));
  }

  #transfer(event: Transfer): void {
    if (this.#transfers.admits(event, this.#options.clock())) this.#say(event.step, transferText(event));
  }

  #warn(event: Extract<BuildEvent, { kind: 'warning' }>): void {
    const text = `${paint('yellow', 'WARNING:', this.#options.color)} ${escapeControls(warningText(event))}`;
    if (event.step === undefined) this.#options.writer.write(`${text}\n`);
    else this.#say(event.step, text);
  }

  #finished(event: Finished): void {
    const { color } = this.#options;
    const step = this.#steps.get(event.step);
    this.#lines(step, lastLines(step));
    if (event.outcome === 'cancelled' && step.startedAt === undefined) return;
    if (event.outcome === 'failed') {
      this.#say(step.id, paint('red', `ERROR: ${escapeControls(event.error ?? 'failed')}`, color));
    } else if (event.outcome === 'cancelled') {
      this.#say(step.id, 'CANCELED');
    } else if (!step.cached) {
      this.#begin(step);
      this.#say(step.id, paint('green', `DONE ${this.#seconds(step).toFixed(1)}s`, color));
    }
  }

  #seconds(step: Step): number {
    const now = this.#options.clock();
    return (now - (step.startedAt ?? now)) / 1000;
  }
}
