import { inspect } from 'node:util';
import { TsbuildError } from '../util/errors.js';
import { escapeControls } from './escape.js';
import { formatExcerpt } from './excerpt.js';
import { machineFailureHint } from './machine-failures.js';
import { paint } from './style.js';

export interface ReportOptions {
  readonly color: boolean;
  /** Version of tsbuild, Node and system, for the report of a bug. */
  readonly about?: string | undefined;
}

const maxCauses = 5;

/**
 * The report of a failure and of the others of its source, ending in a newline. A TsbuildError shows the place in its source, the message, causes
 * that add something, and the hint. Anything else is reported as a bug of tsbuild with its stack, unless the
 * machine is at fault. Control characters of foreign text are shown, never obeyed.
 */
export function formatError(error: unknown, options: ReportOptions): string {
  if (error instanceof TsbuildError) return userErrors(error, options);
  const hint = machineFailureHint(error);
  if (hint !== undefined) return plainReport({ message: messageOf(error), causes: [], hint }, options.color);
  return bugReport(error, options);
}

/** More problems of one file than a screen holds help nobody. */
const maxOthers = 20;

function userErrors(error: TsbuildError, options: ReportOptions): string {
  const { others } = error;
  const shown = [error, ...others.slice(0, maxOthers)].map((one) => userError(one, options));
  const left = others.length - maxOthers;
  return [...shown, ...(left > 0 ? [`and ${left} more errors\n`] : [])].join('\n');
}

function userError(error: TsbuildError, options: ReportOptions): string {
  const report = plainReport(
    { message: error.message, causes: causesOf(error), hint: error.hint },
    options.color,
  );
  if (error.source === undefined || error.range === undefined) return report;
  return `${formatExcerpt(error.source, error.range, options.color)}\n\n${report}`;
}

interface Parts {
  readonly message: string;
  readonly causes: readonly string[];
  readonly hint: string | undefined;
}

function plainReport({ message, causes, hint }: Parts, color: boolean): string {
  const lines = [`${paint('red', 'error:', color)} ${multiline(message)}`];
  for (const cause of causes) lines.push(`  ${paint('dim', 'cause:', color)} ${multiline(cause)}`);
  if (hint !== undefined) lines.push(`${paint('cyan', 'hint:', color)} ${multiline(hint)}`);
  return `${lines.join('\n')}\n`;
}

/** Messages below an error that say something which those above them do not. */
function causesOf(error: Error): string[] {
  const messages: string[] = [];
  const seen = new Set<unknown>([error]);
  let said = error.message;
  for (let cause = error.cause; cause !== undefined && cause !== null; cause = causeOf(cause)) {
    if (seen.has(cause) || messages.length === maxCauses) break;
    seen.add(cause);
    // an AggregateError of Node often has no message of its own
    const message = cause instanceof Error ? cause.message : messageOf(cause);
    if (message === '' || said.includes(message)) continue;
    messages.push(message);
    said += message;
  }
  return messages;
}

function causeOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.cause === undefined) {
    const errors: unknown[] = error.errors;
    return errors[0];
  }
  return error instanceof Error ? error.cause : undefined;
}

function bugReport(error: unknown, { color, about }: ReportOptions): string {
  const stack = error instanceof Error ? (error.stack ?? messageOf(error)) : `thrown: ${messageOf(error)}`;
  const causes = error instanceof Error ? causesOf(error).map((cause) => `cause: ${cause}`) : [];
  const details = [...stack.split('\n'), ...causes, ...(about === undefined ? [] : [about])];
  const lines = [
    `${paint('red', 'error:', color)} this is a bug of tsbuild, not of your build; please report it with these lines`,
    ...details.map((line) => `  ${escapeControls(line)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return typeof error === 'string' ? error : inspect(error, { depth: 2 });
}

/** A text with its own line breaks, indented below its first line. */
function multiline(text: string): string {
  return text
    .split('\n')
    .map((line) => escapeControls(line))
    .join('\n    ');
}
