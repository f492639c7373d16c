/**
 * Places inside an instruction, by dockerfile-ast. It knows where keywords and flags stand but not always
 * what they mean, and it misreads some heredocs; so it is shown one instruction at a time, without heredoc
 * bodies, and asked only when a message can point at a part.
 */
import { DockerfileParser, ModifiableInstruction, type Instruction } from 'dockerfile-ast';
import type { SourceRange } from '../util/source.js';
import type { Part } from './instruction-error.js';
import type { PhysicalLine } from './physical-lines.js';

/** What to look for, and in which lines. */
export interface LocateOptions {
  /** Of the whole instruction. */
  readonly range: SourceRange;
  readonly part: Part;
  readonly escape: '\\' | '`';
}

/** The range of a keyword or flag; undefined when dockerfile-ast does not see it. */
export function locate(lines: readonly PhysicalLine[], options: LocateOptions): SourceRange | undefined {
  const { startLine, endLine } = options.range;
  const text = lines
    .slice(startLine - 1, endLine)
    .map((line) => line.text)
    .join('\n');
  const [instruction] = parseInstructions(`#escape=${options.escape}\n${text}`);
  const range = instruction === undefined ? undefined : partOf(instruction, options.part);
  if (range === undefined) return undefined;
  // Line 0 of what dockerfile-ast saw is the directive.
  const shift = startLine - 1;
  return {
    startLine: range.start.line + shift,
    startColumn: range.start.character,
    endLine: range.end.line + shift,
    endColumn: range.end.character,
  };
}

type AstRange = ReturnType<Instruction['getRange']>;

function partOf(instruction: Instruction, part: Part): AstRange | undefined {
  if (part === 'keyword') return instruction.getInstructionRange();
  if (!(instruction instanceof ModifiableInstruction)) return undefined;
  return instruction
    .getFlags()
    .find((flag) => flag.getName() === part.flag)
    ?.getRange();
}

/** The instructions that dockerfile-ast finds in a text. */
export function parseInstructions(text: string): readonly Instruction[] {
  return DockerfileParser.parse(text).getInstructions();
}
