import type { Dockerfile } from '../parser/types.js';
import { didYouMean } from '../parser/suggest.js';
import { TsbuildError } from '../util/errors.js';
import type { SourceRange } from '../util/source.js';
import { stageName } from './lower/lowering.js';

/** A stage by name or number, or one of its instructions by a line that it stands on. */
export interface Refresh {
  readonly stage: string;
  readonly line: number | undefined;
}

/** `STAGE` or `STAGE:LINE`. */
export function parseRefresh(text: string): Refresh {
  const [, stage, line] = /^(.+):(\d+)$/.exec(text) ?? [];
  return stage === undefined ? { stage: text, line: undefined } : { stage, line: Number(line) };
}

/** Which steps do not ask the cache. Throws `usage` for a stage or a line that the Dockerfile does not have. */
export function refreshedSteps(
  { stages }: Dockerfile,
  wanted: readonly Refresh[],
): (stage: string, range: SourceRange) => boolean {
  const found = wanted.map(({ stage: text, line }) => {
    const stage =
      stages.findLast(({ from }) => from.as === text.toLowerCase()) ??
      (/^\d+$/.test(text) ? stages[Number(text)] : stages.find((other) => stageName(other) === text));
    if (stage === undefined) {
      throw new TsbuildError('usage', `there is no stage ${JSON.stringify(text)} to refresh`, {
        hint: didYouMean(text, stages.map(stageName)) ?? `the stages are ${stages.map(stageName).join(', ')}`,
      });
    }
    if (line !== undefined && !stage.instructions.some(({ range }) => isOn(range, line))) {
      throw new TsbuildError('usage', `no instruction of stage ${stageName(stage)} stands on line ${line}`);
    }
    return { name: stageName(stage), line };
  });
  return (name, range) =>
    found.some(
      (refresh) => refresh.name === name && (refresh.line === undefined || isOn(range, refresh.line)),
    );
}

function isOn({ startLine, endLine }: SourceRange, line: number): boolean {
  return startLine <= line && line <= endLine;
}
