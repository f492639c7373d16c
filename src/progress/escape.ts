/**
 * Text of others on its way to a terminal or a CI log. Nothing but SGR (colours) may act on the terminal: other
 * escape sequences can move the cursor, set the title or write the clipboard, and bidirectional controls
 * reorder what a reader sees.
 */
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const unsafe = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;
// oxlint-disable-next-line no-control-regex -- ESC is what this looks for
const sgrOrUnsafe = /\u001b\[[0-9;:]*m|[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

export const sgrReset = '\u001b[0m';

/** A name or message of others within one line of ours: every control character shown as `\n`, `\x1b`, `\u202e`. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, show);
}

/** One line of a step's output: tabs stay, SGR stays when `color` and is dropped otherwise, the rest is shown. */
export function cleanOutputLine(line: string, color: boolean): string {
  let colored = false;
  const clean = line.replace(sgrOrUnsafe, (match) => {
    if (match === '\t') return match;
    if (match.length === 1) return show(match);
    colored ||= color;
    return color ? match : '';
  });
  return colored ? clean + sgrReset : clean;
}

function show(character: string): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return named[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`);
}
