/** What the workers of the kill test write, as functions of a number. */
export const bucket = 'kill';
export const linesBucket = 'kill-lines';

export function valueOf(n: number): unknown {
  return { n, text: String(n).repeat(n) };
}

export function linesOf(n: number): readonly string[] {
  return Array.from({ length: n * 100 }, (_, i) => `${n}:${i}`);
}
