import type { Command } from './command.js';
import { loadAllCommands } from './command-list.js';
import { metadataKeys } from './build-metadata.js';
import { environment, otherVariables } from './environment.js';
import { exitCodeMeanings } from './exit-codes.js';
import type { OptionSpec } from './option-table.js';
import type { PeerFlag } from './peer-flags.js';

/** Text of docs/cli.md: every command with its options, the flags of other builders, exit codes, environment. */
export async function cliReference(): Promise<string> {
  const commands = await loadAllCommands();
  const peerFlags = commands.find(({ name }) => name === 'build')?.peerFlags ?? [];
  const parts = [
    '# Command line',
    'This page is generated from the code by `npm run docs`.',
    '`tsbuild [OPTIONS] CONTEXT` is short for `tsbuild build [OPTIONS] CONTEXT`. Options and arguments may be mixed; `--` ends the options. Results are written to standard output, progress and errors to standard error.',
    emptyValues(commands),
    ...commands.map(commandSection),
    '## Flags of other builders',
    'Flags of `docker buildx build`, `buildah build` and kaniko that `tsbuild build` knows by name. A flag is ignored, with a warning, only when it cannot change the result; every other one is an error.',
    table(['flag', 'what happens', 'reason, or what to do instead'], peerFlags.map(peerRow)),
    '## Exit codes',
    table(
      ['code', 'meaning'],
      exitCodeMeanings.map(([code, meaning]) => [String(code), meaning]),
    ),
    '## Environment',
    table(['variable', 'meaning'], environment.map(variableRow)),
    'Of the other variables that users of docker build set:',
    table(['variable', 'what happens'], otherVariables.map(variableRow)),
    '## The file of --metadata-file',
    'A JSON object with the keys of `docker buildx build --metadata-file`:',
    table(['key', 'value'], metadataKeys.map(variableRow)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function emptyValues(commands: readonly Command[]): string {
  const options = commands.find(({ name }) => name === 'build')?.options ?? {};
  const names = Object.keys(options).filter((name) => options[name]?.emptyIsNone === true);
  return `An empty value is none, as with docker, for ${names.map((name) => `\`--${name}\``).join(', ')}: a script gives one for a variable that is not set.`;
}

function commandSection(command: Command): string {
  const options = Object.entries(command.options);
  const parts = [
    `## tsbuild ${command.name}`,
    `${command.summary}.`,
    `    ${`tsbuild ${command.name} [OPTIONS] ${command.positionals}`.trim()}`,
  ];
  if (options.length > 0) parts.push(table(['option', 'meaning'], options.map(optionRow)));
  if (command.name !== 'build' && command.peerFlags !== undefined)
    parts.push(table(['other flag', 'what happens', 'reason'], command.peerFlags.map(peerRow)));
  if (command.epilogue !== undefined) parts.push(command.epilogue);
  return parts.join('\n\n');
}

function optionRow([name, spec]: [string, OptionSpec]): string[] {
  const short = spec.short === undefined ? '' : `-${spec.short}, `;
  const repeat = spec.kind === 'list' ? '; may be repeated' : '';
  return [`\`${short}--${name}${valueOf(spec)}\``, `${spec.describe}${repeat}`];
}

function valueOf(spec: OptionSpec): string {
  if (spec.kind === 'flag') return '';
  const value = spec.value ?? 'VALUE';
  return spec.kind === 'optional' ? `[=${value}]` : ` ${value}`;
}

function variableRow([names, meaning]: readonly [names: string, meaning: string]): string[] {
  const each = names.split(', ').map((name) => `\`${name}\``);
  return [each.join(', '), meaning];
}

function peerRow(flag: PeerFlag): string[] {
  const verdicts = {
    ignored: 'ignored',
    planned: 'error: not supported yet',
    refused: 'error: not supported',
  };
  return [`\`${flag.name}\``, verdicts[flag.verdict], flag.say];
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
