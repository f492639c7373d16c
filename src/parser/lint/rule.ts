import type { SourceRange } from '../../util/source.js';
import type { Diagnostic, Dockerfile, Instruction, Stage } from '../types.js';

/** What a rule is called in `# check=skip=`, and what it wants; its page is `rulePage(name)`. */
export interface RuleInfo {
  readonly name: string;
  readonly description: string;
  /** Silent unless `# check=experimental=` names it. */
  readonly experimental?: true;
}

/** One thing that a rule has to say; its range is the instruction's when it names none. */
export interface Finding {
  readonly message: string;
  readonly range: SourceRange;
  readonly hint?: string | undefined;
}

/** A rule that needs the text of a Dockerfile alone. */
export interface Rule extends RuleInfo {
  readonly check: (dockerfile: Dockerfile) => Iterable<Finding>;
}

/** A finding about a place. */
export function finding({ range }: { readonly range: SourceRange }, message: string, hint?: string): Finding {
  return { message, range, hint };
}

/** A finding as the warning that users see. */
export function toDiagnostic(rule: RuleInfo, { message, range, hint }: Finding): Diagnostic {
  return { severity: 'warning', rule: rule.name, message, range, hint };
}

/** Every instruction in the order of the file, global ARGs and FROMs too. */
export function* instructionsOf(dockerfile: Dockerfile): Generator<Instruction> {
  yield* dockerfile.globalArgs;
  for (const stage of dockerfile.stages) {
    yield stage.from;
    yield* stage.instructions;
  }
}

/** The keyword as written. */
export function keywordOf({ text }: Instruction): string {
  return /^\S*/.exec(text)?.[0] ?? '';
}

/** The earlier stage that each stage starts from, as far as the text shows; images are left out. */
export function parentStages({ stages }: Dockerfile): ReadonlyMap<Stage, Stage> {
  const named = new Map<string, Stage>();
  const parents = new Map<Stage, Stage>();
  for (const stage of stages) {
    const parent = named.get(stage.from.image.toLowerCase());
    if (parent !== undefined) parents.set(stage, parent);
    if (stage.from.as !== undefined) named.set(stage.from.as, stage);
  }
  return parents;
}
