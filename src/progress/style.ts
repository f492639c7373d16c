import { sgrReset } from './escape.js';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Style = keyof typeof codes;

/** Puts `text` between SGR codes when `color` is set. */
export function paint(style: Style, text: string, color: boolean): string {
  return color ? `\u001b[${codes[style]}m${text}${sgrReset}` : text;
}
