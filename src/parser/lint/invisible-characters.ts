import { splitLines } from '../physical-lines.js';
import { finding, type Rule } from './rule.js';

/** Bidirectional controls, zero-width characters, and a byte order mark behind the beginning. */
const invisible = /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/;

/** Ours: such characters make a file read differently from what it does. */
export const invisibleCharacters: Rule = {
  name: 'InvisibleCharacters',
  description: 'Bidirectional controls and zero-width characters can hide what a line does',
  *check({ source }) {
    for (const [index, { text }] of splitLines(source.text).entries()) {
      const at = text.search(invisible);
      if (at < 0) continue;
      const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      const range = { startLine: index + 1, startColumn: at, endLine: index + 1, endColumn: at + 1 };
      yield finding({ range }, `The line contains the invisible character U+${code}`);
    }
  },
};
