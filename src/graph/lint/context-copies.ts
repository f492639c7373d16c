import type { SourceRange } from '../../util/source.js';
import type { CopyOp } from '../ops.js';
import { ancestry, type Vertex } from '../vertex.js';

/** A COPY or ADD that reads the build context. */
export interface ContextCopy {
  /** `COPY …` as written. */
  readonly instruction: string;
  readonly range: SourceRange;
  /** Words that are read from the context, as byte strings. */
  readonly patterns: readonly string[];
  readonly op: CopyOp;
}

/** Every copy from the build context that some vertices need. */
export function contextCopies(roots: readonly Vertex[]): readonly ContextCopy[] {
  return ancestry(...roots).flatMap(contextCopy);
}

function contextCopy({ op, inputs, origin }: Vertex): readonly ContextCopy[] {
  if (op.kind !== 'copy' || origin.range === undefined) return [];
  const patterns = op.sources.flatMap(({ input, pattern }) => {
    const source = inputs[input]?.op;
    return source?.kind === 'context' && source.name === 'context' ? [pattern] : [];
  });
  if (patterns.length === 0) return [];
  return [{ instruction: origin.identity.instruction, range: origin.range, patterns, op }];
}
