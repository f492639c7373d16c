import { loadAllCommands } from './command-list.js';

/** What `tsbuild GROUP --help` prints, as of `cache`: its commands. */
export async function groupHelp(group: string): Promise<string> {
  const all = await loadAllCommands();
  const list = commandTable(all.filter(({ name }) => name.startsWith(`${group} `)));
  return ['Commands:', ...list, '', `tsbuild ${group} COMMAND --help describes a command.`, ''].join('\n');
}

function commandTable(commands: readonly Named[]): readonly string[] {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
}

interface Named {
  readonly name: string;
  readonly summary: string;
}

/** What `tsbuild --help` prints. */
export async function generalHelp(): Promise<string> {
  const list = commandTable(await loadAllCommands());
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
