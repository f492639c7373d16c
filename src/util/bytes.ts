/**
 * File names, link targets and xattr names are bytes, not text. Everywhere in tsbuild they are *byte strings*:
 * JavaScript strings in which each UTF-16 unit is one byte (Node's `latin1`), so that Map keys, comparisons by
 * code unit and slices are exact for names that are not UTF-8.
 */
export function toByteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Text of a byte string for people; bytes that are not UTF-8 become U+FFFD. */
export function fromByteString(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The path as Node's fs functions take it without decoding. */
export function bytePath(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}
