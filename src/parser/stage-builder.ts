import { InstructionError } from './instruction-error.js';
import type { ArgInstruction, FromInstruction, Stage, StageInstruction } from './types.js';

/** Puts instructions into stages in the order of the file. */
export class StageBuilder {
  readonly stages: Stage[] = [];
  readonly globalArgs: ArgInstruction[] = [];
  /** True after the first FROM, even one that could not be read. */
  sawFrom = false;
  #open: StageInstruction[] | undefined;
  #refused = false;

  addFrom(from: FromInstruction): void {
    this.sawFrom = true;
    const instructions: StageInstruction[] = [];
    this.#open = instructions;
    this.stages.push({
      index: this.stages.length,
      from,
      instructions,
      get range() {
        const last = instructions.at(-1) ?? from;
        return { ...from.range, endLine: last.range.endLine, endColumn: last.range.endColumn };
      },
    });
  }

  /** What follows belongs to a stage that is not known. */
  addBrokenFrom(): void {
    this.sawFrom = true;
    this.#open = undefined;
  }

  /** @throws InstructionError for the first instruction other than ARG that comes before any FROM */
  add(instruction: StageInstruction): void {
    if (this.sawFrom) {
      this.#open?.push(instruction);
    } else if (instruction.kind === 'ARG') {
      this.globalArgs.push(instruction);
    } else if (!this.#refused) {
      this.#refused = true;
      throw new InstructionError(
        `no build stage in current context: ${instruction.kind} comes before the first FROM`,
        {
          hint: 'only ARG may stand before FROM',
        },
      );
    }
  }
}
