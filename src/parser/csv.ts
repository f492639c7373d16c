import { InstructionError } from './instruction-error.js';

/**
 * The fields of one CSV record (RFC 4180 as Go's encoding/csv reads it): a field that begins with `"` runs to
 * the next single `"`, `""` inside is a quote; a quote inside any other field is an error.
 */
export function parseCsv(text: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const { field, end } = text.charAt(at) === '"' ? quoted(text, at) : bare(text, at);
    fields.push(field);
    if (end >= text.length) return fields;
    at = end + 1;
  }
}

function bare(text: string, start: number): { field: string; end: number } {
  const comma = text.indexOf(',', start);
  const end = comma < 0 ? text.length : comma;
  const field = text.slice(start, end);
  if (field.includes('"')) throw malformed(text, 'put the whole option, key included, into double quotes');
  return { field, end };
}

function quoted(text: string, start: number): { field: string; end: number } {
  const body = /"([^"]*(?:""[^"]*)*)"/y;
  body.lastIndex = start;
  const [matched, content = ''] = body.exec(text) ?? [];
  if (matched === undefined) throw malformed(text, 'a quote is not closed');
  const end = start + matched.length;
  if (end < text.length && text.charAt(end) !== ',')
    throw malformed(text, 'a comma must follow a closing quote');
  return { field: content.replaceAll('""', '"'), end };
}

function malformed(text: string, hint: string): InstructionError {
  return new InstructionError(`invalid quoting in the options ${JSON.stringify(text)}`, { hint });
}
