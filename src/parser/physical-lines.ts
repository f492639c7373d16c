/** One line of a file. */
export interface PhysicalLine {
  /** Without the line break. */
  readonly text: string;
  /** With it; the last line may have none. */
  readonly full: string;
  /** Column of the text in the file: 1 behind a byte order mark, else 0. */
  readonly column: number;
}

/** Lines end at `\n` or `\r\n`; a lone `\r` is a character of its line. A byte order mark is dropped. */
export function splitLines(text: string): PhysicalLine[] {
  const lines: PhysicalLine[] = [];
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    const full = text.slice(start, end);
    lines.push({
      full,
      text: full.replace(/[\r\n]+$/, ''),
      column: start === 1 && lines.length === 0 ? 1 : 0,
    });
    start = end;
  }
  return lines;
}
