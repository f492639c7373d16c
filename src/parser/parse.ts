import { TsbuildError } from '../util/errors.js';
import type { Source, SourceRange } from '../util/source.js';
import { readDirectives } from './directives.js';
import { checkWords } from './check-words.js';
import { InstructionError } from './instruction-error.js';
import { parseFrom } from './instructions/from.js';
import { lexInstruction, type RawInstruction } from './instructions/raw.js';
import { isNearFrom, parseStageInstruction, takesHeredocs } from './instructions/table.js';
import { readLogicalLines, type LogicalLine } from './logical-lines.js';
import { splitLines, type PhysicalLine } from './physical-lines.js';
import { StageBuilder } from './stage-builder.js';
import { checkSize } from './limits.js';
import type { Diagnostic, Dockerfile } from './types.js';

/**
 * Parses a Dockerfile. Bad input never throws: every problem becomes a diagnostic, in the order of the file,
 * and what could be read is returned. Warnings here are only those that the text alone shows; `lint` returns
 * all.
 */
export function parseDockerfile(source: Source, locate?: Locate): Dockerfile {
  return new DockerfileParser(source, locate).parse();
}

/**
 * As `parseDockerfile`, but errors point at the keyword or flag that they are about. What finds those places is loaded
 * only for a file with errors.
 */
export async function parseLocated(source: Source): Promise<Dockerfile> {
  const dockerfile = parseDockerfile(source);
  if (!dockerfile.diagnostics.some(({ severity }) => severity === 'error')) return dockerfile;
  const { locate } = await import('./ast.js');
  return parseDockerfile(source, locate);
}

/** Narrows the range of an instruction to one of its parts; undefined when the part is not seen. */
export type Locate = typeof import('./ast.js').locate;

/** Errors that are narrowed down to a word; a file with more of them is no Dockerfile. */
const maxLocated = 100;

class DockerfileParser {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #stages = new StageBuilder();
  readonly #lines: readonly PhysicalLine[];
  #located = 0;

  constructor(
    private readonly source: Source,
    private readonly locate: Locate | undefined,
  ) {
    this.#lines = splitLines(source.text);
  }

  parse(): Dockerfile {
    const read = readDirectives(this.#lines);
    for (const { line, error } of read.errors) this.#report(error, this.#lineRange(line));
    const tooLarge = checkSize(this.source.text, this.#lines);
    if (tooLarge === undefined) this.#instructions(read.directives.escape, read.lines);
    else this.#report(tooLarge.error, this.#lineRange(tooLarge.line));
    this.#diagnostics.sort((a, b) => a.range.startLine - b.range.startLine);
    return {
      source: this.source,
      directives: read.directives,
      globalArgs: this.#stages.globalArgs,
      stages: this.#stages.stages(),
      diagnostics: this.#diagnostics,
    };
  }

  #instructions(escape: '\\' | '`', from: number): void {
    const lines = readLogicalLines(this.#lines, {
      escape,
      from,
      takesHeredocs: (text) => takesHeredocs(text, escape),
    });
    for (const line of lines) this.#instruction(line, escape);
    if (lines.length === 0) this.#noInstructions();
    else if (!this.#stages.sawFrom && !this.#hasErrors()) {
      this.#report(
        new InstructionError('dockerfile contains no stages to build', { hint: 'add a FROM' }),
        this.#end(),
      );
    }
  }

  #noInstructions(): void {
    const empty = this.source.text === '';
    const message = empty ? 'the Dockerfile cannot be empty' : 'file with no instructions';
    this.#report(new InstructionError(message, { hint: 'a Dockerfile begins with FROM' }), this.#end());
  }

  #instruction(line: LogicalLine, escape: '\\' | '`'): void {
    const lexed = lexInstruction(line.text, escape);
    for (const blank of line.blankLines) this.#blankLine(blank);
    try {
      if (line.error !== undefined) throw line.error;
      this.#add({ ...lexed, escape, heredocs: line.heredocs, base: baseOf(line) });
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      if (isNearFrom(lexed.keyword)) this.#stages.addBrokenFrom();
      this.#report(this.#withLineHint(error, line), this.#partRange(error, line, escape));
    }
  }

  #add(raw: RawInstruction): void {
    const instruction = raw.keyword === 'FROM' ? parseFrom(raw) : parseStageInstruction(raw);
    checkWords(instruction, raw.escape);
    if (instruction.kind === 'FROM') this.#stages.addFrom(instruction);
    else this.#stages.add(instruction);
  }

  #blankLine(line: number): void {
    this.#diagnostics.push({
      severity: 'warning',
      rule: 'NoEmptyContinuation',
      message: 'Empty continuation line',
      range: this.#lineRange(line - 1),
    });
  }

  #hasErrors(): boolean {
    return this.#diagnostics.some(({ severity }) => severity === 'error');
  }

  #report(error: TsbuildError, range: SourceRange): void {
    this.#diagnostics.push({ severity: 'error', message: error.message, hint: error.hint, range });
  }

  #partRange(error: TsbuildError, line: LogicalLine, escape: '\\' | '`'): SourceRange {
    const part = error instanceof InstructionError ? error.part : undefined;
    if (part === undefined || line.heredocs.length > 0 || this.#located >= maxLocated) return line.range;
    this.#located++;
    return this.locate?.(this.#lines, { range: line.range, part, escape }) ?? line.range;
  }

  /** Most words that are no instruction belong to the line above, which lacks its escape character. */
  #withLineHint(error: TsbuildError, { range }: LogicalLine): TsbuildError {
    const isUnknown = error instanceof InstructionError && error.part === 'keyword';
    const above = this.#lines[range.startLine - 2]?.text.trim() ?? '';
    if (!isUnknown || error.hint !== undefined || above === '' || above.startsWith('#')) return error;
    const hint = /^FROM\s/i.test(above)
      ? 'write RUN before a command'
      : 'if this continues the line above, end that one with a backslash';
    return new InstructionError(error.message, { hint, part: 'keyword' });
  }

  #lineRange(index: number): SourceRange {
    const text = this.#lines[index]?.text ?? '';
    return { startLine: index + 1, startColumn: 0, endLine: index + 1, endColumn: text.length };
  }

  #end(): SourceRange {
    return this.#lineRange(Math.max(0, this.#lines.length - 1));
  }
}

function baseOf({ text, range, comments }: LogicalLine): RawInstruction['base'] {
  return { text, range, comments };
}
