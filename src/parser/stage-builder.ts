import { InstructionError } from './instruction-error.js';
import type { ArgInstruction, FromInstruction, Stage, StageInstruction } from './types.js';

interface OpenStage {
  readonly from: FromInstruction;
  readonly instructions: StageInstruction[];
}

/** Puts instructions into stages in the order of the file. */
export class StageBuilder {
  readonly globalArgs: ArgInstruction[] = [];
  readonly #stages: OpenStage[] = [];
  #current: OpenStage | undefined;
  #sawFrom = false;
  #refused = false;

  /** True after the first FROM, even one that could not be read. */
  get sawFrom(): boolean {
    return this.#sawFrom;
  }

  addFrom(from: FromInstruction): void {
    this.#sawFrom = true;
    this.#current = { from, instructions: [] };
    this.#stages.push(this.#current);
  }

  /** What follows belongs to a stage that is not known. */
  addBrokenFrom(): void {
    this.#sawFrom = true;
    this.#current = undefined;
  }

  /** @throws InstructionError for the first instruction other than ARG that comes before any FROM */
  add(instruction: StageInstruction): void {
    if (this.#sawFrom) {
      this.#current?.instructions.push(instruction);
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

  stages(): Stage[] {
    return this.#stages.map(({ from, instructions }, index) => {
      const { range } = instructions.at(-1) ?? from;
      return {
        index,
        from,
        instructions,
        range: { ...from.range, endLine: range.endLine, endColumn: range.endColumn },
      };
    });
  }
}
