/** `WWW-Authenticate` (RFC 9110, 11.6.1). */

export interface Challenge {
  /** Lower case: `bearer`, `basic`… */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const bare = /[^\s,"]+/y;
const maximumLength = 16 * 1024;

/**
 * Parses the header's value; Node joins several headers with commas. Lenient where servers are sloppy: parameters
 * without quotes, missing commas. What cannot be read ends the list.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  if (header === undefined || header.length > maximumLength) return [];
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const reader = new Reader(header);
  while (!reader.done()) {
    const name = reader.take(token);
    if (name === undefined) break;
    const value = reader.parameterValue();
    if (value !== undefined) challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
    else challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
  }
  return challenges;
}

class Reader {
  #position = 0;
  constructor(private readonly text: string) {}

  /** Skips blanks and commas; true at the end. */
  done(): boolean {
    while (/[\s,]/.test(this.text[this.#position] ?? '')) this.#position++;
    return this.#position >= this.text.length;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  /** The value after `=`; undefined when what was read is a scheme. */
  parameterValue(): string | undefined {
    const start = this.#position;
    while (/[ \t]/.test(this.text[this.#position] ?? '')) this.#position++;
    if (this.text[this.#position] !== '=') {
      this.#position = start;
      return undefined;
    }
    this.#position++;
    while (/[ \t]/.test(this.text[this.#position] ?? '')) this.#position++;
    const value = this.take(quoted);
    return value === undefined ? (this.take(bare) ?? '') : value.replace(/\\(.)/g, '$1');
  }
}

/** Rights asked of a token server: `repository:app:pull,push` (distribution's token specification). */
export interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** Parses a space-separated list; what is no scope is left out. */
export function parseScopes(text: string): readonly Scope[] {
  return text.split(' ').flatMap((part) => {
    const [first, last] = [part.indexOf(':'), part.lastIndexOf(':')];
    if (first === -1 || first === last) return [];
    return [
      {
        type: part.slice(0, first),
        name: part.slice(first + 1, last),
        actions: part.slice(last + 1).split(','),
      },
    ];
  });
}

/** The union by type and name, sorted: equal rights have equal texts. */
export function mergeScopes(scopes: readonly Scope[]): readonly string[] {
  const merged = new Map<string, Set<string>>();
  for (const { type, name, actions } of scopes) {
    const key = `${type}:${name}`;
    const known = merged.get(key) ?? new Set<string>();
    for (const action of actions) known.add(action);
    merged.set(key, known);
  }
  return [...merged].map(([key, actions]) => `${key}:${[...actions].sort().join(',')}`).sort();
}

export function repositoryScope(name: string, ...actions: readonly string[]): Scope {
  return { type: 'repository', name, actions };
}
