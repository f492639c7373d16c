import { cleanPath } from '../../layers/path.js';
import { resolve } from '../../layers/resolve.js';
import type { ScannedContext } from '../../layers/scan-context.js';
import { select, type Selection } from '../../layers/select.js';
import { walkTree } from '../../layers/walk-tree.js';
import { createIgnoreMatcher, type IgnoreMatcher } from '../../parser/ignore.js';
import { toDiagnostic, type RuleInfo } from '../../parser/lint/rule.js';
import { graphRules } from '../../parser/lint/rules.js';
import { isSecretFile, secretFileCopied } from '../../parser/lint/secret-file-copied.js';
import type { Diagnostic } from '../../parser/types.js';
import { fromByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import { hasWildcard } from '../../util/go-path-match.js';
import { ignoredSource, whyIgnored } from '../ignored-source.js';
import type { ContextCopy } from './context-copies.js';

/** A build context and the rules that it was walked with. */
export interface CheckedContext {
  readonly files: Pick<ScannedContext, 'tree' | 'excluded' | 'ignoreFile'>;
  readonly ignore: IgnoreMatcher;
}

/** What the rules about copied paths find: words that match nothing, and secrets among what they match. */
export function contextFindings(copies: readonly ContextCopy[], context: CheckedContext): Diagnostic[] {
  return copies.flatMap((copy) => copy.patterns.flatMap((pattern) => findingsOf(copy, pattern, context)));
}

function findingsOf(copy: ContextCopy, pattern: string, context: CheckedContext): Diagnostic[] {
  const selections = trySelect(copy, pattern, context);
  const any = selections.some(({ node }) => node.kind !== 'directory' || node.entries.size > 0);
  if (selections.length === 0 || (copy.op.parents && !any)) return unmatched(copy, pattern, context);
  return isSecretFile(pattern) ? [] : secrets(copy, selections);
}

/** Nothing for a path that is missing. */
function trySelect(
  { op }: ContextCopy,
  pattern: string,
  { files: { tree } }: CheckedContext,
): readonly Selection[] {
  const excluded = createIgnoreMatcher(op.exclude);
  const exclude = op.exclude.length === 0 ? undefined : (path: string) => excluded.match(path).excluded;
  try {
    return select(tree, pattern, { parents: op.parents, exclude });
  } catch (error) {
    if (error instanceof TsbuildError) return [];
    throw error;
  }
}

function unmatched(copy: ContextCopy, pattern: string, { files, ignore }: CheckedContext): Diagnostic[] {
  const path = cleanPath(pattern);
  const shown = fromByteString(pattern);
  const verdict = ignore.match(path);
  const ignored = ignoredSource(path, files);
  if (verdict.excluded) {
    const verb = /^add/i.test(copy.instruction) ? 'Add' : 'Copy';
    const message = `Attempting to ${verb} file ${JSON.stringify(shown)} that is excluded by .dockerignore`;
    const hint = whyIgnored(ignored ?? { ...verdict, path, file: ignore.file ?? '.dockerignore' });
    return [diagnostic(graphRules.copyIgnoredFile, copy, { message, hint })];
  }
  if (hasWildcard(path)) {
    if (copy.op.exclude.length > 0) return [];
    const message = `The wildcard ${JSON.stringify(shown)} matches nothing in the build context`;
    const hint = ignored && whyIgnored(ignored);
    return [diagnostic(graphRules.copyWildcardNoMatch, copy, { message, hint })];
  }
  const meant = inOtherCase(files.tree, path);
  if (meant === undefined) return [];
  const message = `${JSON.stringify(shown)} is written ${JSON.stringify(fromByteString(meant))} in the build context`;
  return [diagnostic(graphRules.copyPathCase, copy, { message })];
}

/** The path as it is on disk when it differs from the one asked for by case alone. */
function inOtherCase(tree: ScannedContext['tree'], path: string): string | undefined {
  let real = '';
  for (const name of path.split('/')) {
    const { node } = resolve(tree, real);
    if (node?.kind !== 'directory') return undefined;
    const same = node.entries.has(name)
      ? name
      : [...node.entries.keys()].sort().find((each) => fold(each) === fold(name));
    if (same === undefined) return undefined;
    real = real === '' ? same : `${real}/${same}`;
  }
  return real === path ? undefined : real;
}

function fold(name: string): string {
  return fromByteString(name).toLowerCase();
}

function secrets(copy: ContextCopy, selections: readonly Selection[]): Diagnostic[] {
  const found = new Set(selections.flatMap((selection) => [...secretPaths(selection)]));
  const [first] = found;
  if (first === undefined) return [];
  const others = found.size === 1 ? '' : ` and ${found.size - 1} more`;
  const message = `${JSON.stringify(first)}${others} among the copied files holds secrets`;
  return [diagnostic(secretFileCopied, copy, { message, hint: 'name it in .dockerignore' })];
}

function* secretPaths({ path, node }: Selection): Iterable<string> {
  if (node.kind === 'file' && isSecretFile(path)) yield fromByteString(path);
  if (node.kind !== 'directory') return;
  for (const [below, each] of walkTree(node)) {
    const full = path === '' ? below : `${path}/${below}`;
    if (each.kind === 'file' && isSecretFile(full)) yield fromByteString(full);
  }
}

function diagnostic(
  rule: RuleInfo,
  { range }: ContextCopy,
  { message, hint }: { readonly message: string; readonly hint?: string | undefined },
): Diagnostic {
  return toDiagnostic(rule, { message, range, hint });
}
