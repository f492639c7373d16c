/** Above all code points: one value for each byte that is not part of valid UTF-8. */
const invalidBase = 0x110000;

/**
 * The code points of a byte string, as a pattern sees them: `?` stands for one of them. A byte that is not
 * part of valid UTF-8 counts as one, and equals only itself.
 */
export function pathRunes(bytes: string): number[] {
  const runes: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const { rune, length } = runeAt(bytes, at);
    runes.push(rune);
    at += length;
  }
  return runes;
}

/** Smallest code point that takes this many bytes; a shorter form of a smaller one is not valid. */
const smallest = [0, 0, 0x80, 0x800, 0x10000];

function runeAt(bytes: string, at: number): { rune: number; length: number } {
  const first = bytes.charCodeAt(at);
  const length =
    first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
  if (length === 1) return { rune: first, length };
  const invalid = { rune: invalidBase + first, length: 1 };
  if (length === 0 || at + length > bytes.length) return invalid;
  let rune = first & (0xff >> (length + 1));
  for (let next = at + 1; next < at + length; next++) {
    const byte = bytes.charCodeAt(next);
    if ((byte & 0xc0) !== 0x80) return invalid;
    rune = (rune << 6) | (byte & 0x3f);
  }
  const valid = rune >= (smallest[length] ?? 0) && rune < 0x110000 && (rune < 0xd800 || rune > 0xdfff);
  return valid ? { rune, length } : invalid;
}
