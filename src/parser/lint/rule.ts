import type { SourceRange } from '../../util/source.js';
import type { Diagnostic, Dockerfile, Instruction } from '../types.js';

/** One thing that a rule has to say; its range is the instruction's when it names none. */
export interface Finding {
  readonly message: string;
  readonly range: SourceRange;
  readonly hint?: string | undefined;
}

/** A lint rule: what it is called in `# check=skip=`, what it wants, and how it looks. */
export interface Rule {
  readonly name: string;
  readonly description: string;
  readonly check: (dockerfile: Dockerfile) => Iterable<Finding>;
}

/** A finding about a place. */
export function finding({ range }: { readonly range: SourceRange }, message: string, hint?: string): Finding {
  return { message, range, hint };
}

/** A finding as the warning that users see. */
export function toDiagnostic(rule: Rule, { message, range, hint }: Finding): Diagnostic {
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
