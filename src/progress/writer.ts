/** Where renderers write: a terminal, a log file, or a string of a test. */
export interface Writer {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width and height of the terminal, when it is one; 0 where it does not know its size. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** The size of a terminal; the usual one where it knows none, as the first moments of a pseudo terminal. */
export function terminalSize({ columns, rows }: Writer): { readonly columns: number; readonly rows: number } {
  return { columns: columns || 80, rows: rows || 24 };
}

/** Milliseconds of a clock that never runs backwards; only differences mean something. */
export type Clock = () => number;
