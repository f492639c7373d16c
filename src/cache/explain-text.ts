import { fromByteString } from '../util/bytes.js';
import type { Cause, Explanation } from './explain.js';
import type { FileChange } from './file-listing.js';

/** Causes, and files of one cause, that a sentence names. */
const most = 3;

/** An explanation in one sentence without a full stop, for the line below a missed step. */
export function explanationText(explanation: Explanation): string {
  switch (explanation.kind) {
    case 'first':
      return 'no earlier result of this step';
    case 'asked':
      return 'the cache was not asked';
    case 'expired':
      return `the earlier result is ${spanText(explanation.age)} old, older than ${spanText(explanation.ttl)}`;
    case 'gone':
      return 'its earlier result is no longer in the store';
    case 'instruction':
      return `the instruction changed from ${quoted(explanation.before)}`;
    case 'changed':
      return listed(explanation.causes.map(causeText), '; ');
  }
}

function causeText(cause: Cause): string {
  switch (cause.kind) {
    case 'files':
      return filesText(cause);
    case 'step':
      return `the result of ${cause.name} changed`;
    case 'argument':
      return valueText(`the build argument ${cause.name}`, cause);
    case 'variable':
      return valueText(`the variable ${cause.name}`, cause);
    case 'base':
    case 'option':
      return valueText(cause.name, cause);
  }
}

function valueText(what: string, { change, before, now }: Cause): string {
  if (change === 'added') return `${what} is new`;
  if (change === 'removed') return `${what} is gone`;
  if (before === undefined || now === undefined) return `${what} changed`;
  return `${what} changed from ${quoted(before)} to ${quoted(now)}`;
}

function filesText({ name, files }: Cause): string {
  if (files === undefined || files.length === 0) return `the files of ${quoted(name)} changed`;
  return listed(files.map(fileText), ', ');
}

function fileText({ path, change }: FileChange): string {
  const name = quoted(fromByteString(path));
  if (change === 'added') return `the file ${name} is new`;
  return change === 'removed' ? `the file ${name} is gone` : `the ${change} of ${name} changed`;
}

function listed(texts: readonly string[], separator: string): string {
  const rest = texts.length - most;
  const named = texts.slice(0, most).join(separator);
  return rest > 0 ? `${named} and ${rest} more` : named;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

function spanText(milliseconds: number): string {
  for (const [unit, length] of units) {
    if (milliseconds >= length) return `${Math.floor(milliseconds / length)}${unit}`;
  }
  return `${milliseconds}ms`;
}

function quoted(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 79)}…` : line);
}
