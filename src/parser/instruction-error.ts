import { TsbuildError } from '../util/errors.js';

/** The piece of an instruction that an error is about; the whole instruction when there is none. */
export type Part = 'keyword' | { readonly flag: string };

/**
 * What is wrong with one instruction. It has no range: whoever knows the file adds it. `parseDockerfile`
 * turns it into a diagnostic.
 */
export class InstructionError extends TsbuildError {
  readonly part: Part | undefined;

  constructor(message: string, details: { readonly hint?: string | undefined; readonly part?: Part } = {}) {
    super('dockerfile', message, { hint: details.hint });
    this.part = details.part;
  }
}
