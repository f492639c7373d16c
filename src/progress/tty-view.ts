import { cleanOutputLine, escapeControls } from './escape.js';
import type { LogTail } from './log-tail.js';
import { paint } from './style.js';
import { formatSeconds } from './units.js';
import { truncate } from './width.js';

/** A running step as the view shows it. */
export interface RunningStep {
  readonly name: string;
  readonly seconds: number;
  /** The transfer under way, in words. */
  readonly transfer: string | undefined;
  readonly log: LogTail;
}

export interface ViewOptions {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  readonly logLines: number;
}

/** Text behind the spinner: a headline, then the running steps with their last output lines, within the terminal. */
export function runningView(headline: string, steps: readonly RunningStep[], options: ViewOptions): string {
  const { color } = options;
  const columns = Math.max(options.columns - 1, 10);
  const room = Math.max(options.rows - 2, 1);
  const shown = steps.slice(-room);
  const perStep = Math.min(options.logLines, Math.floor((room - shown.length) / Math.max(shown.length, 1)));
  const lines = [truncate(headline, columns - 2)];
  for (const step of shown) {
    const time = formatSeconds(step.seconds);
    const note = step.transfer === undefined ? '' : ` ${step.transfer}`;
    lines.push(truncate(`  ${escapeControls(step.name)} ${paint('dim', time, color)}${note}`, columns));
    for (const line of step.log.last(perStep)) lines.push(truncate(outputLine(line, color), columns));
  }
  return lines.join('\n');
}

/** A line of a step's output under its step. */
export function outputLine(line: string, color: boolean): string {
  return `${paint('dim', '  │', color)} ${cleanOutputLine(line, color).replaceAll('\t', '    ')}`;
}
