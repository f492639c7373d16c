import { parseCheckOptions } from './check-options.js';
import { InstructionError } from './instruction-error.js';
import type { PhysicalLine } from './physical-lines.js';
import { trimStart } from './white-space.js';
import type { Directives } from './types.js';

/** A directive that counts as none. */
export interface DirectiveError {
  /** Index of the line. */
  readonly line: number;
  readonly error: InstructionError;
}

/** The directives of a file and where instructions may begin. */
export interface ReadDirectives {
  readonly directives: Directives;
  /** How many lines at the top are directives. */
  readonly lines: number;
  readonly errors: readonly DirectiveError[];
}

const known = new Set(['syntax', 'escape', 'check']);

/**
 * Reads `# name=value` lines at the top of a file. The first line that is anything else, an unknown name
 * included, ends them. Names are case-insensitive. A `#!` first line is passed over, but behind one BuildKit takes
 * `# escape=` for a comment.
 */
export function readDirectives(lines: readonly PhysicalLine[]): ReadDirectives {
  const found = new Map<string, string>();
  const errors: DirectiveError[] = [];
  const script = lines[0]?.text.startsWith('#!') === true;
  let line = script ? 1 : 0;
  for (; line < lines.length; line++) {
    const [, written = '', value = ''] = directive.exec(trimStart(lines[line]?.text ?? '')) ?? [];
    const name = written.toLowerCase();
    if (!known.has(name)) break;
    if (script && name === 'escape') continue;
    const error = problem(name, value, found);
    if (error === undefined) found.set(name, value);
    else errors.push({ line, error });
  }
  const escape = found.get('escape') === '`' ? '`' : '\\';
  return {
    directives: { escape, syntax: found.get('syntax'), check: found.get('check') },
    lines: line,
    errors,
  };
}

const directive = /^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*\S)\s*$/;

function problem(
  name: string,
  value: string,
  found: ReadonlyMap<string, string>,
): InstructionError | undefined {
  if (found.has(name)) {
    return new InstructionError(`only one ${name} parser directive can be used`, {
      hint: 'remove this line or the one above',
    });
  }
  if (name === 'escape' && value !== '\\' && value !== '`') {
    return new InstructionError(`invalid escape token ${JSON.stringify(value)} does not match \` or \\`, {
      hint: 'the escape character is a backslash unless this line says `',
    });
  }
  const [first] = name === 'check' ? parseCheckOptions(value).problems : [];
  if (first === undefined) return undefined;
  return new InstructionError(first, { hint: 'write for example # check=skip=RuleA,RuleB;error=true' });
}
