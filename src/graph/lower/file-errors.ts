import { TsbuildError } from '../../util/errors.js';

/** What is wrong with a file, gathered while as much of it as can be is lowered. */
export class FileErrors {
  readonly #errors = new Set<TsbuildError>();

  /** Keeps an error of the file itself for later; throws any other at once. */
  keep(error: unknown): void {
    if (!(error instanceof TsbuildError) || error.code !== 'dockerfile') throw error;
    this.#errors.add(error);
  }

  /** What the work gives. Throws all errors that were kept as one, with the one that ended the work. */
  async thrown<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      if (this.#errors.size === 0) return result;
    } catch (error) {
      if (!(error instanceof TsbuildError) || this.#errors.size === 0) throw error;
      this.#errors.add(error);
    }
    throw this.#joined();
  }

  #joined(): TsbuildError {
    const inOrder = [...this.#errors].toSorted((a, b) => lineOf(a) - lineOf(b));
    const [first, ...others] = inOrder;
    if (first === undefined) throw new Error('no error was kept');
    const { code, message, hint, cause, range, source } = first;
    return new TsbuildError(code, message, { hint, cause, range, source, others });
  }
}

function lineOf({ range }: TsbuildError): number {
  return range?.startLine ?? 0;
}
