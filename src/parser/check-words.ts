import { expandHeredoc, expandWord, expandWords, type Scope } from './expand.js';
import { InstructionError } from './instruction-error.js';
import { triggerEscape } from './instructions/onbuild.js';
import { parsePortSpecs } from './ports.js';
import type { Instruction } from './types.js';
import type { Escape } from './words.js';

/** Every variable has a value: what fails then fails with any. */
const anyValue: Scope = { get: () => 'x' };

/**
 * Checks what is wrong with the words of an instruction whatever its variables are: quotes and braces that are not
 * closed, modifiers that do not exist, ports that are none. Lowering finds the rest.
 *
 * @throws InstructionError
 */
export function checkWords(instruction: Instruction, escape: Escape): void {
  if (instruction.kind === 'ONBUILD') {
    checkWords(instruction.instruction, triggerEscape);
    return;
  }
  for (const word of expandedWords(instruction)) checkWord(word, instruction, escape);
  if (instruction.kind === 'COPY' || instruction.kind === 'ADD') {
    for (const { expand, content } of instruction.heredocs) if (expand) expandHeredoc(content, anyValue);
  }
  if (instruction.kind === 'EXPOSE') {
    const constant = instruction.words.filter((word) => !word.includes('$'));
    parsePortSpecs(constant.flatMap((word) => expandWords(word, anyValue, escape)));
  }
}

function checkWord(word: string, { kind }: Instruction, escape: Escape): void {
  try {
    expandWord(word, anyValue, escape);
  } catch (error) {
    const takesJson = kind === 'COPY' || kind === 'ADD' || kind === 'VOLUME';
    if (!(error instanceof InstructionError) || !takesJson || !/quote in /.test(error.message)) throw error;
    throw new InstructionError(error.message, {
      hint: `quotes do not keep words together here: for a path with blanks write ${kind} ["a b", "/c d"]`,
    });
  }
}

/** The words that variables count in. */
function expandedWords(instruction: Exclude<Instruction, { kind: 'ONBUILD' }>): readonly string[] {
  switch (instruction.kind) {
    case 'FROM':
      return [instruction.image, instruction.platform ?? ''];
    case 'ARG':
      return instruction.args.map(({ value = '' }) => value);
    case 'ENV':
    case 'LABEL':
      return instruction.pairs.flatMap(({ key, value }) => [key, value]);
    case 'COPY':
    case 'ADD': {
      const { sources, destination, chown = '', chmod = '' } = instruction;
      const checksum = instruction.kind === 'ADD' ? (instruction.checksum ?? '') : '';
      return [...sources, destination, chown, chmod, checksum];
    }
    case 'RUN':
      return instruction.mounts.flatMap(({ options }) =>
        options.flatMap(([key, value]) => (key === 'from' ? [] : [value])),
      );
    case 'EXPOSE':
    case 'VOLUME':
      return instruction.words;
    case 'USER':
    case 'WORKDIR':
    case 'STOPSIGNAL':
      return [instruction.word];
    default:
      return [];
  }
}
