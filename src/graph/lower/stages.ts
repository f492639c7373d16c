import { didYouMean } from '../../parser/suggest.js';
import type { Dockerfile, Stage } from '../../parser/types.js';
import { TsbuildError } from '../../util/errors.js';

/** The stage that is built: by name without case, by number, else the last one. */
export function targetStage({ stages }: Dockerfile, target: string | undefined): Stage {
  const last = stages.at(-1);
  if (last === undefined)
    throw new TsbuildError('dockerfile', 'dockerfile contains no stages to build', {
      hint: 'start with a FROM instruction',
    });
  if (target === undefined || target === '') return last;
  const named = stages.findLast(({ from }) => from.as === target.toLowerCase());
  const numbered = /^\d+$/.test(target) ? stages[Number(target)] : undefined;
  const found = named ?? numbered;
  if (found !== undefined) return found;
  const names = stages.flatMap(({ from }) => from.as ?? []);
  throw new TsbuildError('usage', `target stage ${JSON.stringify(target)} could not be found`, {
    hint: stageHint(target, names),
  });
}

/** What FROM means by a name: the latest earlier stage of that name, or an image (undefined). */
export function fromStage({ stages }: Dockerfile, name: string, current: Stage): Stage | undefined {
  return stages.findLast(({ index, from }) => index < current.index && from.as === name.toLowerCase());
}

/** What COPY --from means by a name or number: a stage before this one, or an image (undefined). */
export function copyFromStage({ stages }: Dockerfile, name: string, current: Stage): Stage | undefined {
  if (/^\d+$/.test(name)) {
    const stage = stages[Number(name)];
    if (stage === undefined)
      throw new TsbuildError('dockerfile', `invalid stage index ${name}`, {
        hint: `the file has ${stages.length} stages, numbered from 0`,
      });
    return checked(stage, name, current);
  }
  const stage = stages.findLast(({ from }) => from.as === name.toLowerCase());
  return stage === undefined ? undefined : checked(stage, name, current);
}

function checked(stage: Stage, name: string, current: Stage): Stage {
  if (stage.index === current.index) {
    throw new TsbuildError('dockerfile', `circular dependency detected on stage: ${name}`, {
      hint: 'a stage cannot copy from itself',
    });
  }
  if (stage.index > current.index) {
    const here = current.from.as ?? String(current.index);
    throw new TsbuildError(
      'dockerfile',
      `cannot copy from stage ${JSON.stringify(name)}, it needs to be defined before current stage ${JSON.stringify(here)}`,
      { hint: 'move that stage up, in front of this one' },
    );
  }
  return stage;
}

function stageHint(wanted: string, names: readonly string[]): string {
  if (names.length === 0)
    return 'no stage of this file has a name: add AS NAME to a FROM line, or give a number from 0';
  return didYouMean(wanted, names) ?? `the stages are ${names.join(', ')}`;
}
