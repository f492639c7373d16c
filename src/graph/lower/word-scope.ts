import type { Scope } from '../../parser/expand.js';
import type { SourceRange } from '../../util/source.js';
import type { StageContext } from './lowering.js';
import type { StageState } from './stage-state.js';

/** Names that shells and tools set themselves: never worth a warning. */
const usual = new Set(['PATH', 'HOME', 'HOSTNAME', 'PWD']);

/** The variables of a stage for one instruction; an unset one is reported once per instruction. */
export function wordScope(
  state: Pick<StageState, 'variables'>,
  context: StageContext,
  range: SourceRange,
): Scope {
  const told = new Set<string>();
  return {
    get: (name) => state.variables.get(name),
    onUndefined: (name) => {
      if (told.has(name) || usual.has(name)) return;
      told.add(name);
      context.warn({
        severity: 'warning',
        rule: 'UndefinedVar',
        message: `usage of undefined variable '$${name}'`,
        range,
      });
    },
  };
}
