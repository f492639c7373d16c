import { posix } from 'node:path';
import { expandWord } from '../../parser/expand.js';
import type { WordInstruction } from '../../parser/types.js';
import { toByteString } from '../../util/bytes.js';
import { makeVertex } from '../vertex.js';
import type { StageContext } from './lowering.js';
import { onRoot, recorded, withConfig, type StageState } from './stage-state.js';
import { stepOrigin } from './step-origin.js';
import { wordScope } from './word-scope.js';

/** Sets the working directory and makes it, with its parents, as a layer of its own; `/` is always there. */
export function lowerWorkdir(
  state: StageState,
  instruction: WordInstruction<'WORKDIR'>,
  context: StageContext & { readonly step: number },
): StageState {
  const { escape } = context.request.dockerfile.directives;
  const word = expandWord(instruction.word, wordScope(state, context, instruction.range), escape);
  const path = resolveWorkdir(state.config.WorkingDir, word);
  const next = withConfig(state, { WorkingDir: path });
  if (path === '/') return recorded(next, `WORKDIR ${path}`);
  const op = { kind: 'mkdir', path: toByteString(path), user: state.config.User ?? '' } as const;
  return onRoot(next, makeVertex(op, [state.vertex], stepOrigin(instruction, context)), `WORKDIR ${path}`);
}

/** An absolute path, `..` clamped at the root; relative ones start at the current working directory. */
export function resolveWorkdir(current: string | undefined, word: string): string {
  return posix.resolve('/', current ?? '/', word === '' ? '.' : word);
}
