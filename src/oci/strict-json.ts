import { TsbuildError } from '../util/errors.js';

/** Largest manifest, index or config that is read (bytes): what registries must accept by distribution-spec. */
export const maxDocumentSize = 4 * 1024 * 1024;

/** Nesting beyond which a document is refused: real manifests and configs stay below 10. */
const maxDepth = 64;

/**
 * Parses foreign JSON that must mean the same to every reader (RFC 7493, I-JSON): valid UTF-8 without a byte order
 * mark, no lone surrogates, no key twice in one object, no `__proto__`, limited depth and size (bytes).
 * Throws `image`; `what` names the document in the message.
 */
export function parseStrictJson(bytes: Uint8Array, what: string, limit: number = maxDocumentSize): unknown {
  if (bytes.length > limit) throw refused(what, `is larger than ${limit} bytes`);
  const text = decode(bytes, what);
  const value = parse(text, what);
  checkStructure(text, what);
  return value;
}

function refused(what: string, problem: string, cause?: unknown): TsbuildError {
  return new TsbuildError('image', `${what} ${problem}`, { cause });
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw refused(what, 'is not valid UTF-8', error);
  }
}

/** V8's parser does not recurse, so depth need not be checked before. */
function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refused(what, 'is not valid JSON', error);
  }
}

/** Walks a text that is known to be JSON; there a string is a key exactly when a colon follows. */
function checkStructure(text: string, what: string): void {
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (c === '"') {
      const end = endOfString(text, i);
      last = unquote(text.slice(i, end + 1), what);
      i = end;
    } else if (c === '{' || c === '[') {
      if (open.push(c === '{' ? new Set() : undefined) > maxDepth)
        throw refused(what, 'is nested too deeply');
    } else if (c === '}' || c === ']') open.pop();
    else if (c === ':') addKey(open.at(-1), last, what);
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

const surrogate = /\p{Surrogate}/u;

function unquote(token: string, what: string): string {
  const value: unknown = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1);
  const text = String(value);
  if (surrogate.test(text)) throw refused(what, 'has half of a surrogate pair in a string');
  return text;
}

function addKey(keys: Set<string> | undefined, key: string, what: string): void {
  const shown = JSON.stringify(key.slice(0, 100));
  if (key === '__proto__') throw refused(what, `has a member named ${shown}`);
  if (keys?.has(key) === true) throw refused(what, `has the member ${shown} twice`);
  keys?.add(key);
}
