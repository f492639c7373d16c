import { TsbuildError } from '../util/errors.js';
import type { Source } from '../util/source.js';
import type { Vertex } from './vertex.js';

/** A failure of a step with the place of its instruction; other errors as they are. */
export function locatedError(error: unknown, { origin: { range } }: Vertex, source: Source): unknown {
  return error instanceof TsbuildError && range !== undefined ? error.at(range, source) : error;
}
