import { contextCopies } from '../graph/lint/context-copies.js';
import { contextFindings } from '../graph/lint/context-findings.js';
import type { Vertex } from '../graph/vertex.js';
import type { ScannedContext } from '../layers/scan-context.js';
import { parseCheckOptions } from '../parser/check-options.js';
import { lint } from '../parser/lint/lint.js';
import { rulePage } from '../parser/lint/rules.js';
import type { Diagnostic } from '../parser/types.js';
import type { Job } from '../progress/event.js';
import { TsbuildError } from '../util/errors.js';
import { unusedBuildArguments } from './build-arguments.js';
import type { BuildInput } from './build.js';

/** What the rules look at besides the text. */
export interface LintedGraph {
  /** Ends of the stages that count. */
  readonly vertices: readonly Vertex[];
  readonly warnings: readonly Diagnostic[];
}

/** All findings of the rules, in the order of the file; the build context is walked when something is copied from it. */
export async function findProblems(
  input: BuildInput,
  { vertices, warnings }: LintedGraph,
  {
    context,
  }: {
    readonly context: (name: string) => Promise<Pick<ScannedContext, 'tree' | 'excluded' | 'ignoreFile'>>;
  },
): Promise<readonly Diagnostic[]> {
  const { dockerfile, buildArgs } = input;
  const copies = input.context === undefined ? [] : contextCopies(vertices);
  const found =
    input.context === undefined || copies.length === 0
      ? []
      : contextFindings(copies, { files: await context('context'), ignore: input.context.ignore });
  const check = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK');
  const [problem] = parseCheckOptions(check).problems;
  if (problem !== undefined) throw new TsbuildError('usage', `BUILDKIT_DOCKERFILE_CHECK: ${problem}`);
  return lint(dockerfile, { found: [...warnings, ...found], check });
}

/** Findings of several variants of a build: what is said of one place counts once, with the guess of the first. */
export function distinct(findings: readonly Diagnostic[]): readonly Diagnostic[] {
  const said = ({ rule, range, message }: Diagnostic) =>
    JSON.stringify([rule, range, message.replace(/ \(did you mean [^)]*\)$/, '')]);
  return [...new Map(findings.toReversed().map((finding) => [said(finding), finding])).values()].toReversed();
}

/** Tells of findings as warnings. Throws `lint` after the last one when the file wants them to be errors. */
export function reportFindings(
  findings: readonly Diagnostic[],
  { dockerfile, buildArgs }: BuildInput,
  job: Job,
): void {
  for (const { message, hint, range, rule } of findings) {
    const page = rule === undefined ? undefined : rulePage(rule);
    job.emit({ kind: 'warning', message, hint, range, source: dockerfile.source.name, rule, page });
  }
  for (const { name, hint } of unusedBuildArguments(dockerfile, buildArgs)) {
    const message = `the build argument ${JSON.stringify(name)} is declared by no ARG of the Dockerfile`;
    job.emit({ kind: 'warning', message, hint });
  }
  const first = findings.find(({ severity }) => severity === 'error');
  if (first === undefined) return;
  const names = new Set(findings.flatMap(({ rule }) => rule ?? []));
  throw new TsbuildError('lint', `lint violation found for rules: ${[...names].join(', ')}`, {
    hint: 'error=true of the check directive makes failures of warnings',
    range: first.range,
    source: dockerfile.source,
  });
}
