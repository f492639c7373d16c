/** The variables that a word is expanded with. */
export interface Scope {
  /** The value of a variable; undefined when it is unset (an empty value is set). */
  get(name: string): string | undefined;
  /**
   * Called for each plain `$name` or `${name}` that is unset; forms that provide for it (`${x:-y}`) do not
   * call it.
   */
  onUndefined?(name: string): void;
}

/**
 * Longest value that an expansion may make, in UTF-16 units: `ENV A=$A$A` repeated doubles a value each time.
 */
export const maxValueLength = 1024 * 1024;

/** Deepest nesting of `${a:-${b:-…}}`. */
export const maxNesting = 200;

/** Most steps (characters looked at by modifiers) that one word may cost. */
export const maxSteps = 256 * 1024 * 1024;
