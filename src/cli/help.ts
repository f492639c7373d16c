import { loadAllCommands } from './command-list.js';

/** What `tsbuild --help` prints. */
export async function generalHelp(): Promise<string> {
  const commands = await loadAllCommands();
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'tsbuild turns a Dockerfile into an OCI image, without a daemon.',
    '',
    'Usage:',
    '  tsbuild [OPTIONS] CONTEXT      build an image: the same as tsbuild build',
    '  tsbuild COMMAND …',
    '',
    'Commands:',
    ...list,
    '',
    'tsbuild COMMAND --help describes a command.',
    '',
  ].join('\n');
}
