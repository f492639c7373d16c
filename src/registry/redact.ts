/** Text that goes into messages: foreign, and made of requests that carry secrets. */

/** Query parameters that registries define and that tell nothing secret. */
const plain = new Set(['digest', 'mount', 'from', 'scope', 'service', 'n', 'last', 'account']);
const maximum = 500;

/** A URL for people: without user information or fragment, with the values of unknown parameters left out. */
export function redactUrl(url: URL | string): string {
  const parsed = typeof url === 'string' ? parse(url) : url;
  if (parsed === undefined) return '(unreadable URL)';
  const query = [...parsed.searchParams].map(([name, value]) => `${name}=${plain.has(name) ? value : '…'}`);
  return foreignText(`${parsed.origin}${parsed.pathname}${query.length > 0 ? `?${query.join('&')}` : ''}`);
}

/**
 * Text of a registry or a helper for a message: secrets (`known` ones, and what looks like one) left out, control
 * and bidirectional characters escaped, at most 500 characters.
 */
export function foreignText(text: string, known: readonly string[] = []): string {
  let safe = text;
  for (const secret of known) if (secret.length >= 4) safe = safe.replaceAll(secret, '…');
  safe = safe
    .replace(/\b(bearer|basic)\s+[\w+/=.~-]{8,}/gi, '$1 …')
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '…')
    .replace(/(\/\/)[^/\s@]+@/g, '$1')
    .replace(
      /([?&](?:[\w-]*(?:sig|signature|token|credential|secret|password|key)[\w-]*)=)[^&\s"']+/gi,
      '$1…',
    );
  const escaped = safe.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, codePoint);
  return escaped.length > maximum ? `${escaped.slice(0, maximum)}…` : escaped;
}

function codePoint(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}
