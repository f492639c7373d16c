import { sgrReset } from './escape.js';

// oxlint-disable-next-line no-control-regex -- ESC is what this looks for
const tokens = /\u001b\[[0-9;:]*m|[^]/gu;

/**
 * Shortens a line to `columns` of a terminal, ending in `…`; SGR codes take no room. Characters from U+1100 on
 * count two columns: too much for some, so that a line may be cut early but never wraps.
 */
export function truncate(line: string, columns: number): string {
  if (line.length * 2 <= columns) return line;
  let room = columns;
  let kept = '';
  let fits = '';
  let colored = false;
  for (const [token] of line.matchAll(tokens)) {
    const sgr = token.length > 2;
    colored ||= sgr;
    room -= sgr ? 0 : widthOf(token);
    if (room < 0) return `${fits}…${colored ? sgrReset : ''}`;
    kept += token;
    if (room >= 1) fits = kept;
  }
  return line;
}

function widthOf(character: string): number {
  return (character.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2;
}
