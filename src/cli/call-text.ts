/** What `--call` prints: the shapes of BuildKit's answers, as tables and as JSON. */
import type { ArgumentInfo, MountInfo, Outline } from '../graph/describe/outline.js';
import type { TargetInfo } from '../graph/describe/targets.js';
import { rulePage, ruleInfos } from '../parser/lint/rules.js';
import type { Diagnostic } from '../parser/types.js';
import { escapeControls } from '../progress/escape.js';
import { formatExcerpt } from '../progress/excerpt.js';
import { paint } from '../progress/style.js';
import type { TsbuildError } from '../util/errors.js';
import type { Source, SourceRange } from '../util/source.js';
import { textTable } from './text-table.js';

/** Each finding with its rule, the rule's page, and the lines around it. */
export function checkText(
  findings: readonly Diagnostic[],
  { source, color }: { readonly source: Source; readonly color: boolean },
): string {
  if (findings.length === 0) return 'Check complete, no warnings found.\n';
  const warnings = findings.length === 1 ? '1 warning has' : `${findings.length} warnings have`;
  const parts = findings.map(({ rule, message, hint, range }) =>
    [
      paint('yellow', `WARNING: ${rule ?? ''} - ${rulePage(rule ?? '')}`, color),
      ...descriptionLine(rule),
      escapeControls(message),
      ...(hint === undefined ? [] : [`${paint('cyan', 'hint:', color)} ${escapeControls(hint)}`]),
      formatExcerpt(source, range, color),
    ].join('\n'),
  );
  return `Check complete, ${warnings} been found!\n\n${parts.join('\n\n')}\n`;
}

function descriptionLine(rule: string | undefined): string[] {
  const description = ruleInfos.get(rule ?? '')?.description;
  return description === undefined ? [] : [description];
}

/** `error` is why the file cannot be built. */
export function checkJson(findings: readonly Diagnostic[], source: Source, error?: TsbuildError): string {
  const warnings = findings.map(({ rule = '', message, range }) => ({
    ruleName: rule,
    description: ruleInfos.get(rule)?.description,
    url: rulePage(rule),
    detail: message,
    location: location(range),
  }));
  const buildError = error === undefined ? undefined : errorJson(error);
  return pretty({ warnings, sources: [sourceJson(source)], buildError });
}

function errorJson({ message, range }: TsbuildError): object {
  return { message, location: range === undefined ? {} : location(range) };
}

/** A source as BuildKit's answers hold it. */
export function sourceJson({ name, text }: Source): object {
  return { filename: name, data: base64(text), language: 'Dockerfile' };
}

export function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const head = [
    ...(name === undefined ? [] : [`TARGET: ${name}`]),
    ...(description === undefined ? [] : [`DESCRIPTION: ${escapeControls(description)}`]),
  ];
  const rows = args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? ''].map(escapeControls));
  const tables = [
    ...(args.length === 0 ? [] : [textTable(['BUILD ARG', 'VALUE', 'DESCRIPTION'], rows)]),
    ...(secrets.length === 0 ? [] : [textTable(['SECRET', 'REQUIRED'], secrets.map(mountRow))]),
    ...(ssh.length === 0 ? [] : [textTable(['SSH', 'REQUIRED'], ssh.map(mountRow))]),
  ];
  return [...(head.length === 0 ? [] : [`${head.join('\n')}\n`]), ...tables].join('\n');
}

function mountRow({ name, required }: MountInfo): readonly string[] {
  return [escapeControls(name), required ? 'true' : ''];
}

export function outlineJson({ name, description, args, secrets, ssh }: Outline, source: Source): string {
  return pretty({
    name,
    description,
    args: nonEmpty(args.map(argumentJson)),
    secrets: nonEmpty(secrets.map(mountJson)),
    ssh: nonEmpty(ssh.map(mountJson)),
    sources: [base64(source.text)],
  });
}

function argumentJson({ name, description, value, range }: ArgumentInfo): object {
  return { name, description, value: value === '' ? undefined : value, location: location(range) };
}

function mountJson({ name, required, range }: MountInfo): object {
  return { name, required: required || undefined, location: location(range) };
}

export function targetsText(targets: readonly TargetInfo[]): string {
  const rows = targets.map(({ name, isDefault, description }) => [
    [name, isDefault ? '(default)' : undefined].filter((word) => word !== undefined).join(' '),
    escapeControls(description ?? ''),
  ]);
  return textTable(['TARGET', 'DESCRIPTION'], rows);
}

export function targetsJson(targets: readonly TargetInfo[], source: Source): string {
  const list = targets.map(({ name, isDefault, description, base, platform, range }) => ({
    name,
    default: isDefault || undefined,
    description,
    base,
    platform,
    location: location(range),
  }));
  return pretty({ targets: list, sources: [base64(source.text)] });
}

/** A place as BuildKit's answers spell it. */
export function location({ startLine, endLine }: SourceRange): { readonly ranges: readonly object[] } {
  return { ranges: [{ start: { line: startLine }, end: { line: endLine } }] };
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function pretty(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
