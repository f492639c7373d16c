import type { StepForecast } from '../graph/forecast.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { explanationReport, forecastJson, forecastTable } from './forecast-text.js';
import { progressRenderer } from './progress-output.js';
import { jsonLines } from './text-table.js';
import { withBuild } from './with-build.js';

/** `tsbuild plan` and `build --dry-run`: prints what a build would do. */
export async function runPlan(request: BuildRequest, context: CliContext, json: boolean): Promise<number> {
  const steps = await forecastOf(request, context);
  context.stdout.write(json ? jsonLines(steps.map(forecastJson)) : forecastTable(steps));
  return 0;
}

/** `tsbuild explain`: prints why steps miss; all that do, or those that `wanted` names. */
export async function runExplain(
  request: BuildRequest,
  context: CliContext,
  { wanted, json }: { readonly wanted: string | undefined; readonly json: boolean },
): Promise<number> {
  const steps = await forecastOf(request, context);
  const chosen =
    wanted === undefined
      ? steps.filter(({ explanation }) => explanation !== undefined)
      : matching(steps, wanted);
  context.stdout.write(json ? jsonLines(chosen.map(forecastJson)) : explanationReport(chosen));
  return 0;
}

async function forecastOf(request: BuildRequest, context: CliContext): Promise<readonly StepForecast[]> {
  const renderer = progressRenderer({ kind: 'quiet', pushed: false }, context);
  const { planBuild } = await import('../build/plan-build.js');
  try {
    return await withBuild({ request, context, emit: (event) => renderer.emit(event) }, ({ input, tools }) =>
      planBuild(input, tools),
    );
  } finally {
    renderer.end();
  }
}

/** `3`, `build`, `build:7` (a line), or a part of the instruction. Throws `usage` when nothing is meant. */
function matching(steps: readonly StepForecast[], wanted: string): readonly StepForecast[] {
  const [, stage, line] = /^(?:(.+):)?(\d+)$/.exec(wanted) ?? [];
  const found = steps.filter(({ stage: name, instruction, range, name: label }) =>
    line === undefined
      ? name === wanted || instruction.includes(wanted) || label.includes(wanted)
      : (stage === undefined || stage === name) &&
        range !== undefined &&
        range.startLine <= Number(line) &&
        Number(line) <= range.endLine,
  );
  if (found.length > 0) return found;
  throw new TsbuildError('usage', `no step is ${JSON.stringify(wanted)}`, {
    hint: 'name a step by its line, STAGE:LINE, its stage, or a part of its instruction',
  });
}
