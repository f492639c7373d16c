import { explanationText } from '../cache/explain-text.js';
import type { StepForecast } from '../graph/forecast.js';
import { escapeControls } from '../progress/escape.js';
import { formatSeconds } from '../progress/units.js';
import { textTable } from './text-table.js';

/** A line for each step, and what the steps that miss will take as far as earlier builds tell. */
export function forecastTable(steps: readonly StepForecast[]): string {
  const rows = steps.map((step) => [
    step.verdict,
    step.verdict === 'hit' || step.verdict === 'base' ? '' : secondsOf(step),
    escapeControls(step.name),
    escapeControls(remark(step)),
  ]);
  const count = (verdict: StepForecast['verdict']) => steps.filter((step) => step.verdict === verdict).length;
  const open = steps.filter(({ verdict }) => verdict === 'miss' || verdict === 'depends');
  const known = open.reduce((sum, { duration }) => sum + (duration ?? 0), 0);
  const summary = `${count('hit')} hit, ${count('miss')} miss, ${count('depends')} depend on what these give`;
  const time = known === 0 ? '' : `; up to ${formatSeconds(known / 1000)} by earlier builds`;
  return `${textTable(['CACHE', 'EXPECTED', 'STEP', 'WHY'], rows)}\n${summary}${time}\n`;
}

/** Each step with why it misses. */
export function explanationReport(steps: readonly StepForecast[]): string {
  if (steps.length === 0) return 'every step is in the cache\n';
  return steps
    .map((step) => {
      const why = remark(step);
      const text =
        step.verdict === 'hit' ? `hit: ${step.key}` : `${step.verdict}${why === '' ? '' : `: ${why}`}`;
      return `${escapeControls(step.name)}\n  ${escapeControls(text)}\n`;
    })
    .join('');
}

/** A step as JSON. Times are seconds. */
export function forecastJson({ duration, explanation, range, ...step }: StepForecast): object {
  return {
    ...step,
    line: range?.startLine,
    expectedSeconds: duration === undefined ? undefined : duration / 1000,
    ...(explanation === undefined ? {} : { why: explanationText(explanation), explanation }),
  };
}

function remark({ verdict, dependsOn, explanation }: StepForecast): string {
  if (verdict === 'depends') return `depends on ${dependsOn.join(', ')}`;
  return explanation === undefined ? '' : explanationText(explanation);
}

function secondsOf({ duration }: StepForecast): string {
  return duration === undefined ? '' : formatSeconds(duration / 1000);
}
