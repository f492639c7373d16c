import type { Scope } from '../../parser/expand.js';
import { toDiagnostic } from '../../parser/lint/rule.js';
import { graphRules } from '../../parser/lint/rules.js';
import { nearest } from '../../parser/suggest.js';
import type { SourceRange } from '../../util/source.js';
import type { StageContext } from './lowering.js';
import type { StageState } from './stage-state.js';

/**
 * The variables of a stage for one instruction; one that is neither set nor declared is reported once per
 * instruction, unless the base may have set it.
 */
export function wordScope(
  { variables, args, openEnvironment }: Pick<StageState, 'variables' | 'args' | 'openEnvironment'>,
  context: StageContext,
  range: SourceRange,
): Scope {
  const told = new Set<string>();
  return {
    get: (name) => variables.get(name),
    onUndefined: (name) => {
      if (told.has(name) || args.has(name) || openEnvironment) return;
      told.add(name);
      const meant = nearest(name, [...variables.keys(), ...args.keys()]);
      const suggestion = meant === undefined ? '' : ` (did you mean $${meant}?)`;
      const message = `Usage of undefined variable '$${name}'${suggestion}`;
      context.warn(toDiagnostic(graphRules.undefinedVar, { message, range }));
    },
  };
}
