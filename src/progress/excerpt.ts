import type { Source, SourceRange } from '../util/source.js';
import { withoutUserInformation } from '../util/user-information.js';
import { escapeControls } from './escape.js';
import { paint } from './style.js';

const contextLines = 4;
const maxGuilty = 12;
const maxWidth = 160;

/**
 * `Dockerfile:12` and the lines around a range, each with its number; the guilty ones carry `>>>`. Lines and ranges
 * that are very long are shortened; passwords in URLs are left out.
 */
export function formatExcerpt(source: Source, range: SourceRange, color: boolean): string {
  const lines = source.text.split('\n');
  const end = lastLine(range, lines.length);
  const shownEnd = Math.min(end, range.startLine + maxGuilty - 1);
  const first = Math.max(1, range.startLine - contextLines);
  const last = shownEnd < end ? shownEnd : Math.min(lines.length, end + contextLines);
  const width = String(last).length;
  const header = `${escapeControls(source.name)}:${range.startLine}`;
  const body: string[] = [];
  for (let number = first; number <= last; number += 1) {
    const guilty = number >= range.startLine && number <= end;
    const text = shorten(lines[number - 1] ?? '');
    const gutter = `${String(number).padStart(width)} | ${guilty ? '>>>' : '   '} `;
    body.push(guilty ? paint('red', gutter, color) + text : paint('dim', gutter + text, color));
  }
  if (shownEnd < end)
    body.push(paint('dim', `${' '.repeat(width)} |     … ${end - shownEnd} more lines`, color));
  return [paint('bold', header, color), ...body.map((line) => line.trimEnd())].join('\n');
}

/** A range that ends before the first column of a line does not touch that line. */
function lastLine(range: SourceRange, lines: number): number {
  const touched =
    range.endColumn === 0 && range.endLine > range.startLine ? range.endLine - 1 : range.endLine;
  return Math.min(Math.max(touched, range.startLine), Math.max(lines, range.startLine));
}

function shorten(line: string): string {
  const shown = withoutUserInformation(line.slice(0, maxWidth * 2));
  const text = escapeControls(shown.replaceAll('\t', '    '));
  return text.length > maxWidth ? `${text.slice(0, maxWidth)}…` : text;
}
