import { TsbuildError } from '../util/errors.js';

/** Limits of a text that somebody else wrote: bytes of one line (with all attributes of a file), and lines. */
const limits = { line: 64 * 1024 * 1024, lines: 5_000_000 };

/** The lines of a text in UTF-8 without their ends, many at a time; the last one must have an end too. Throws `archive` beyond the limits. */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  let count = 0;
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    count += lines.length;
    if (rest.length > limits.line || count > limits.lines)
      throw new TsbuildError('archive', 'a list of files is longer than any layer');
    yield lines;
  }
  if (rest !== '') throw new TsbuildError('archive', 'a list of files is cut off');
}
