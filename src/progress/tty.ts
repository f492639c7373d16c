import { escapeControls } from './escape.js';
import type { BuildEvent, Finished, StepId } from './event.js';
import { LogTail } from './log-tail.js';
import type { Renderer, RendererOptions } from './renderer.js';
import { SpinnerView } from './spinner.js';
import { completedLines, lastLines, StepTable, warningText, type Step } from './steps.js';
import { paint } from './style.js';
import { formatSummary } from './summary.js';
import { isOver, transferText } from './transfers.js';
import { outputLine, runningView, type RunningStep } from './tty-view.js';
import { formatSeconds } from './units.js';
import { terminalSize } from './writer.js';

/** How many of its last lines a failed step leaves on the screen. */
const failureLines = 200;

interface Running {
  readonly step: Step;
  readonly log: LogTail;
  transfer: string | undefined;
  /** Why it runs, when that is known. */
  reason: string | undefined;
}

/**
 * For people at a terminal: a spinner over the running steps and their last output lines; a finished step becomes
 * one line, a failed one leaves its output.
 */
export class TtyRenderer implements Renderer {
  readonly #options: RendererOptions;
  readonly #steps = new StepTable();
  readonly #running = new Map<StepId, Running>();
  readonly #start: number;
  readonly #view: SpinnerView;
  #done = 0;

  constructor(options: RendererOptions) {
    this.#options = options;
    this.#start = options.clock();
    this.#view = new SpinnerView(options.writer, () => this.view(), options.color);
  }

  emit(event: BuildEvent): void {
    switch (event.kind) {
      case 'declared':
        this.#steps.get(event.step).name = event.name;
        break;
      case 'started':
        this.#begin(event.step);
        break;
      case 'cached':
        this.#cached(event.step);
        break;
      case 'missed':
        Object.assign(this.#begin(event.step), { reason: event.reason, transfer: undefined });
        break;
      case 'waiting':
        this.#begin(event.step).transfer = `waiting: ${event.reason}`;
        break;
      case 'output': {
        const { step, log } = this.#begin(event.step);
        log.add(completedLines(step, event));
        break;
      }
      case 'transfer':
        this.#begin(event.step).transfer = isOver(event) ? undefined : transferText(event);
        break;
      case 'warning':
        this.#print('yellow', '⚠', escapeControls(warningText(event)));
        break;
      case 'finished':
        this.#finished(event);
        break;
      case 'built':
        this.end();
        this.#options.writer.write(`\n${formatSummary(event, this.#options)}`);
        break;
    }
  }

  end(): void {
    this.#view.end();
  }

  /** The text that the spinner stands before. */
  view(): string {
    const now = this.#options.clock();
    const steps: RunningStep[] = [...this.#running.values()].map(({ step, log, transfer }) => {
      return { name: step.name, seconds: secondsOf(step, now), transfer, log };
    });
    const time = formatSeconds((now - this.#start) / 1000);
    const headline = `Building ${time} (${this.#done}/${this.#steps.size} steps)`;
    return runningView(headline, steps, { ...this.#options, ...terminalSize(this.#options.writer) });
  }

  #begin(id: StepId): Running {
    const known = this.#running.get(id);
    if (known !== undefined) return known;
    const step = this.#steps.get(id);
    step.startedAt ??= this.#options.clock();
    const running: Running = { step, log: new LogTail(failureLines), transfer: undefined, reason: undefined };
    this.#running.set(id, running);
    return running;
  }

  #cached(id: StepId): void {
    const step = this.#steps.get(id);
    if (step.cached) return;
    step.cached = true;
    this.#done += 1;
    this.#running.delete(id);
    this.#print('cyan', '✔', `${escapeControls(step.name)} ${paint('cyan', 'CACHED', this.#options.color)}`);
  }

  #finished({ step: id, outcome, error }: Finished): void {
    const { color } = this.#options;
    const running = this.#running.get(id);
    const step = this.#steps.get(id);
    this.#running.delete(id);
    if (step.cached && outcome === 'done') return;
    if (outcome === 'done') this.#done += 1;
    const time = formatSeconds(secondsOf(step, this.#options.clock()));
    const name = escapeControls(step.name);
    const reason = running?.reason === undefined ? '' : `\n  ↳ ${escapeControls(running.reason)}`;
    if (outcome === 'done') this.#print('green', '✔', `${name} ${paint('dim', `${time}${reason}`, color)}`);
    else if (outcome === 'failed') this.#failed(step, running, escapeControls(error ?? 'failed'));
    else if (running !== undefined) this.#print('yellow', '■', `${name} canceled`);
  }

  #failed(step: Step, running: Running | undefined, error: string): void {
    const { color } = this.#options;
    const log = running?.log ?? new LogTail(failureLines);
    log.add(lastLines(step));
    const lines = log.lines.map((line) => `${outputLine(line, color)}\n`).join('');
    const dropped = log.dropped === 0 ? '' : `${paint('dim', `  │ … ${log.dropped} earlier lines`, color)}\n`;
    const head = `${paint('red', '✖', color)} ${escapeControls(step.name)} ${paint('red', `ERROR: ${error}`, color)}\n`;
    this.#view.print(head + dropped + lines);
  }

  #print(style: 'cyan' | 'green' | 'yellow', symbol: string, text: string): void {
    this.#view.print(`${paint(style, symbol, this.#options.color)} ${text}\n`);
  }
}

function secondsOf(step: Step, now: number): number {
  return (now - (step.startedAt ?? now)) / 1000;
}
