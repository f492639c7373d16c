/** Where renderers write: a terminal, a log file, or a string of a test. */
export interface Writer {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width and height of the terminal, when it is one. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Milliseconds of a clock that never runs backwards; only differences mean something. */
export type Clock = () => number;
