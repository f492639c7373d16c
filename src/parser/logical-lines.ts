import type { SourceRange } from '../util/source.js';
import { findHeredocs, endsHeredoc, type HeredocMarker } from './heredoc.js';
import { InstructionError } from './instruction-error.js';
import type { PhysicalLine } from './physical-lines.js';
import type { Heredoc } from './types.js';
import { trim, trimStart } from './white-space.js';
import type { Escape } from './words.js';

/** An instruction's text before its words are looked at. */
export interface LogicalLine {
  /** Continuations joined, comments inside dropped; blanks around it removed. */
  readonly text: string;
  readonly range: SourceRange;
  /** Comment lines above, without `#` and blanks; an empty comment line starts them anew. */
  readonly comments: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** Lines (from 1) that are blank inside a continuation. */
  readonly blankLines: readonly number[];
  readonly error?: InstructionError | undefined;
}

/** How lines are joined. */
export interface LineOptions {
  readonly escape: Escape;
  /** Index of the first line to read. */
  readonly from: number;
  /** True when the instruction in this text may be followed by heredoc bodies. */
  readonly takesHeredocs: (text: string) => boolean;
}

/** Joins physical lines into the instructions of a file. */
export function readLogicalLines(lines: readonly PhysicalLine[], options: LineOptions): LogicalLine[] {
  return new LineReader(lines, options).read();
}

/**
 * The line without the escape character that continues it; undefined when it is not continued. An escape
 * character before that one (`\\` at the end) prevents it, whatever stands further left.
 */
export function withoutContinuation(line: string, escape: Escape): string | undefined {
  let end = line.length;
  while (end > 0 && (line.charAt(end - 1) === ' ' || line.charAt(end - 1) === '\t')) end--;
  if (line.charAt(end - 1) !== escape) return undefined;
  return line.charAt(end - 2) === escape && end >= 2 ? undefined : line.slice(0, end - 1);
}

class LineReader {
  #at: number;
  #comments: string[] = [];
  readonly #escape: Escape;
  readonly #found: LogicalLine[] = [];

  constructor(
    private readonly lines: readonly PhysicalLine[],
    private readonly options: LineOptions,
  ) {
    this.#at = options.from;
    this.#escape = options.escape;
  }

  read(): LogicalLine[] {
    while (this.#at < this.lines.length) {
      const text = trimStart(this.#text(this.#at));
      if (text === '') this.#at++;
      else if (text.startsWith('#')) this.#comment(text);
      else this.#instruction(text);
    }
    return this.#found;
  }

  #text(index: number): string {
    return this.lines[index]?.text ?? '';
  }

  #endColumn(index: number): number {
    return this.#text(index).length + (this.lines[index]?.column ?? 0);
  }

  #comment(text: string): void {
    const comment = trim(text.slice(1));
    if (comment === '') this.#comments = [];
    else this.#comments.push(comment);
    this.#at++;
  }

  #instruction(firstLine: string): void {
    const start = this.#at;
    const { text, blankLines } = this.#join(firstLine);
    if (text === '') return;
    const markers = this.options.takesHeredocs(text) ? findHeredocs(text) : [];
    const { heredocs, error } = this.#bodies(markers, start);
    const range = {
      startLine: start + 1,
      startColumn: this.#endColumn(start) - firstLine.length,
      endLine: this.#at,
      endColumn: this.#endColumn(this.#at - 1),
    };
    this.#found.push({ text, range, comments: this.#comments, heredocs, blankLines, error });
    this.#comments = [];
  }

  /** Leading blanks of continuation lines are text; comment lines and blank lines among them are not. */
  #join(firstLine: string): { text: string; blankLines: number[] } {
    const parts: string[] = [];
    const blankLines: number[] = [];
    let rest = withoutContinuation(firstLine, this.#escape);
    parts.push(rest ?? firstLine);
    this.#at++;
    while (rest !== undefined && this.#at < this.lines.length) {
      const line = this.#text(this.#at++);
      const content = trimStart(line);
      if (content.startsWith('#')) continue;
      if (content === '') {
        blankLines.push(this.#at);
        continue;
      }
      rest = withoutContinuation(line, this.#escape);
      parts.push(rest ?? line);
    }
    return { text: trim(parts.join('')), blankLines };
  }

  #bodies(
    markers: readonly HeredocMarker[],
    start: number,
  ): { heredocs: Heredoc[]; error?: InstructionError } {
    const heredocs: Heredoc[] = [];
    for (const marker of markers) {
      const content: string[] = [];
      while (this.#at < this.lines.length && !endsHeredoc(this.#text(this.#at), marker)) {
        content.push(this.lines[this.#at++]?.full ?? '');
      }
      if (this.#at >= this.lines.length) return { heredocs, error: this.#unterminated(marker, start) };
      this.#at++;
      heredocs.push({ ...marker, content: content.join('') });
    }
    return { heredocs };
  }

  /** Whatever follows may be body or instruction: nothing more is read. */
  #unterminated(marker: HeredocMarker, start: number): InstructionError {
    this.#at = this.lines.length;
    return new InstructionError(`unterminated heredoc: no line is exactly ${JSON.stringify(marker.name)}`, {
      hint: `the body of the heredoc in line ${start + 1} must end with a line that holds only its delimiter`,
    });
  }
}
