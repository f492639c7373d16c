import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';

const longestSecret = 64 * 1024;

/** A password from standard input to its end, without the line end. Throws `usage` when there is none. */
export async function readSecret({ stdin }: CliContext): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk as string);
    chunks.push(bytes);
    size += bytes.length;
    if (size > longestSecret) throw new TsbuildError('usage', 'the password on standard input is too long');
  }
  const secret = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (secret === '') throw new TsbuildError('usage', 'there is no password on standard input');
  return secret;
}

/** Asks at the terminal; `hidden` answers are not shown. Undefined when there is no terminal. */
export async function ask(
  question: string,
  { stdin, stderr, signal }: CliContext,
  { hidden = false }: { readonly hidden?: boolean } = {},
): Promise<string | undefined> {
  if (!('isTTY' in stdin) || stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
  stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: hidden ? silent : stderr, terminal: true });
  try {
    return await terminal.question('', { signal });
  } finally {
    terminal.close();
    if (hidden) stderr.write('\n');
  }
}
