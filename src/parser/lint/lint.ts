import { parseCheckOptions, type CheckOptions } from '../check-options.js';
import type { Diagnostic, Dockerfile } from '../types.js';
import { instructionsOf, toDiagnostic } from './rule.js';
import { isExperimental, rules } from './rules.js';

export interface LintOptions {
  /** What rules found that need more than the text: the same directives silence them. */
  readonly found?: readonly Diagnostic[];
  /** Check options that stand in for the `# check=` directive (BUILDKIT_DOCKERFILE_CHECK). */
  readonly check?: string | undefined;
}

/**
 * All warnings of a Dockerfile, the parser's own included, in the order of the file. `# check=skip=Rule` at
 * the top silences a rule in the whole file, the same comment directly above an instruction silences it
 * there, and `error=true` turns warnings into errors.
 */
export function lint(dockerfile: Dockerfile, { found = [], check }: LintOptions = {}): Diagnostic[] {
  const options = parseCheckOptions(check ?? dockerfile.directives.check);
  const inline = inlineOptions(dockerfile);
  const own = dockerfile.diagnostics.filter(({ severity }) => severity === 'warning');
  const text = rules.flatMap((rule) =>
    Array.from(rule.check(dockerfile), (each) => toDiagnostic(rule, each)),
  );
  return [...own, ...text, ...found]
    .filter((diagnostic) => isWanted(diagnostic, options))
    .filter(
      (diagnostic) =>
        !inline.some((entry) => covers(entry, diagnostic) && isSkipped(diagnostic, entry.options)),
    )
    .map((diagnostic) => (options.error ? { ...diagnostic, severity: 'error' as const } : diagnostic))
    .sort((a, b) => a.range.startLine - b.range.startLine);
}

/** Experimental rules speak only when they are asked for. */
function isWanted(diagnostic: Diagnostic, options: CheckOptions): boolean {
  const { rule } = diagnostic;
  if (rule !== undefined && isExperimental(rule)) {
    return options.experimental.has('all') || options.experimental.has(rule);
  }
  return !isSkipped(diagnostic, options);
}

function isSkipped({ rule }: Diagnostic, { skip, skipAll }: CheckOptions): boolean {
  return skipAll || (rule !== undefined && skip.has(rule));
}

interface InlineOptions {
  readonly startLine: number;
  readonly endLine: number;
  readonly options: CheckOptions;
}

function inlineOptions(dockerfile: Dockerfile): InlineOptions[] {
  return Array.from(instructionsOf(dockerfile)).flatMap(({ comments, range }) => {
    const checks = comments.flatMap((comment) => /^check\s*=\s*(.+)$/.exec(comment)?.[1] ?? []);
    return checks.map((text) => ({ ...range, options: parseCheckOptions(text) }));
  });
}

function covers({ startLine, endLine }: InlineOptions, { range }: Diagnostic): boolean {
  return startLine <= range.startLine && range.startLine <= endLine;
}
