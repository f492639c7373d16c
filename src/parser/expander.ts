import { InstructionError } from './instruction-error.js';
import { maxNesting, maxSteps, maxValueLength, type Scope } from './scope.js';
import { substitute, type Substitution } from './substitution.js';
import { WordCollector } from './word-collector.js';
import type { Escape } from './words.js';

/** What is special in a text besides `$`. */
export interface ExpandOptions {
  readonly escape: Escape;
  /** `literal`: quotes are ordinary characters, as in a heredoc's body. */
  readonly quotes: 'remove' | 'literal';
}

/** One expansion of one word; an instance is used once. */
export class Expander {
  #at = 0;
  #nesting = 0;
  #steps = 0;

  constructor(
    private readonly text: string,
    private readonly scope: Scope,
    private readonly options: ExpandOptions,
  ) {}

  /**
   * @throws InstructionError for bad syntax, `${x?}` of an unset variable, and beyond the limits of size and
   *   nesting
   */
  expand(): { readonly text: string; readonly words: readonly string[] } {
    const collected = this.#until(undefined, false);
    return { text: collected.text, words: collected.words };
  }

  /** Reads up to `stop` (taken) or the end. `keepEscapes` leaves the escape characters in, for patterns. */
  #until(stop: string | undefined, keepEscapes: boolean): WordCollector {
    const out = new WordCollector();
    while (this.#at < this.text.length) {
      const character = this.text.charAt(this.#at);
      if (character === stop) {
        this.#at++;
        return out;
      }
      this.#piece(character, out, keepEscapes);
      if (out.text.length > maxValueLength) throw tooLong();
    }
    if (stop !== undefined)
      throw this.#syntaxError(stop === '}' ? "missing '}'" : `missing '${stop}' in \${}`);
    return out;
  }

  #piece(character: string, out: WordCollector, keepEscapes: boolean): void {
    if (character === '$') {
      out.addSplitting(this.#dollar());
    } else if (character === "'" && this.options.quotes === 'remove') {
      out.addWhole(this.#singleQuoted());
    } else if (character === '"' && this.options.quotes === 'remove') {
      out.addWhole(this.#doubleQuoted(keepEscapes));
    } else if (character === this.options.escape) {
      this.#escape(out, keepEscapes);
    } else {
      this.#at++;
      out.addSplitting(character);
    }
  }

  #escape(out: WordCollector, keepEscapes: boolean): void {
    this.#at++;
    if (keepEscapes) out.addWhole(this.options.escape);
    if (this.#at >= this.text.length) return;
    out.addWhole(this.text.charAt(this.#at++));
  }

  #singleQuoted(): string {
    const end = this.text.indexOf("'", this.#at + 1);
    if (end < 0) throw this.#syntaxError('missing closing single-quote');
    const content = this.text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return content;
  }

  #doubleQuoted(keepEscapes: boolean): string {
    let content = '';
    this.#at++;
    while (this.#at < this.text.length) {
      const character = this.text.charAt(this.#at);
      if (character === '$') {
        content += this.#dollar();
        if (content.length > maxValueLength) throw tooLong();
        continue;
      }
      this.#at++;
      if (character === '"') return content;
      content += character === this.options.escape ? this.#quotedEscape(keepEscapes) : character;
    }
    throw this.#syntaxError('missing closing double-quote');
  }

  /** Inside double quotes only `"`, `$` and the escape character itself can be escaped. */
  #quotedEscape(keepEscapes: boolean): string {
    const { escape } = this.options;
    const kept = keepEscapes ? escape : '';
    if (this.#at >= this.text.length) return kept;
    const next = this.text.charAt(this.#at);
    if (next !== '"' && next !== '$' && next !== escape) return kept + escape;
    this.#at++;
    return kept + next;
  }

  #dollar(): string {
    this.#at++;
    if (this.text.charAt(this.#at) === '{') return this.#braces();
    const name = this.#name();
    return name === '' ? '$' : this.#value(name);
  }

  #value(name: string): string {
    const value = this.scope.get(name);
    if (value === undefined) this.scope.onUndefined?.(name);
    return value ?? '';
  }

  #braces(): string {
    if (++this.#nesting > maxNesting) {
      throw new InstructionError(`variables are nested more than ${maxNesting} deep`);
    }
    this.#at++;
    const name = this.#name();
    if (this.#at >= this.text.length) throw this.#syntaxError("missing '}'");
    const operator = this.text.charAt(this.#at++);
    if (name === '' && '{}:+-?#%/'.includes(operator)) throw this.#syntaxError('bad substitution');
    const result = operator === '}' ? this.#value(name) : this.#modified(name, operator);
    this.#nesting--;
    return result;
  }

  #modified(name: string, operator: string): string {
    const substitution = operator === '/' ? this.#replacement() : this.#operation(operator);
    return substitute(
      { name, value: this.scope.get(name), spend: (steps) => this.#spend(steps) },
      substitution,
    );
  }

  #replacement(): Substitution {
    const all = this.text.charAt(this.#at) === '/';
    if (all) this.#at++;
    const pattern = this.#until('/', true).text;
    return { kind: 'replace', all, pattern, replacement: this.#until('}', true).text };
  }

  #operation(first: string): Substitution {
    const colon = first === ':';
    const operator = colon ? this.text.charAt(this.#at++) : first;
    if (operator === '-' || operator === '+' || operator === '?') {
      return { kind: operator, emptyIsUnset: colon, word: this.#until('}', false).text };
    }
    if (!colon && (operator === '#' || operator === '%')) {
      const longest = this.text.charAt(this.#at) === operator;
      if (longest) this.#at++;
      return { kind: operator, longest, pattern: this.#until('}', true).text };
    }
    if ((colon && operator === '') || operator === '\n') throw this.#syntaxError("missing '}'");
    throw new InstructionError(`unsupported modifier (${colon ? ':' : ''}${operator}) in substitution`, {
      hint: 'supported are :- - :+ + :? ? # ## % %% / and //',
    });
  }

  /** A name, a positional number, one special parameter (`@ * # ? - $ !`), or nothing. */
  #name(): string {
    const rest = /\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*/uy;
    rest.lastIndex = this.#at;
    const name = rest.exec(this.text)?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > maxSteps)
      throw new InstructionError('the patterns of this word take too long to expand');
  }

  #syntaxError(what: string): InstructionError {
    const shown = this.text.length > 200 ? `${this.text.slice(0, 200)}…` : this.text;
    const { escape } = this.options;
    const hint = what.endsWith('quote')
      ? `close it, or put ${escape} before a quote that is text`
      : `a variable is written \${NAME}; put ${escape} before a dollar that is text`;
    return new InstructionError(`${what} in ${JSON.stringify(shown)}`, { hint });
  }
}

function tooLong(): InstructionError {
  return new InstructionError(
    `a value grows beyond ${maxValueLength} characters when its variables are expanded`,
  );
}
