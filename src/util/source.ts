/** A text that errors can point into, such as a Dockerfile. */
export interface Source {
  /** Name for people: the path as the user gave it, or `<stdin>`. */
  readonly name: string;
  readonly text: string;
}

/** A range of a source. Lines count from 1, columns from 0 (UTF-16 units); the end column is exclusive. */
export interface SourceRange {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}
