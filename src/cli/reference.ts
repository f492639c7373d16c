import type { Command } from './command.js';
import { loadAllCommands } from './command-list.js';
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
    table(
      ['variable', 'meaning'],
      environment.map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
  ];
  return `${parts.join('\n\n')}\n`;
}

const environment: readonly (readonly [name: string, meaning: string])[] = [
  ['TSBUILD_ROOT', 'folder of the store (default `$XDG_DATA_HOME/tsbuild` or `~/.local/share/tsbuild`)'],
  ['SOURCE_DATE_EPOCH', 'as `--source-date-epoch`'],
  ['BUILDKIT_PROGRESS', 'as `--progress`'],
  ['BUILDKIT_TTY_LOG_LINES', 'how many output lines a running step shows on a terminal (default 6)'],
  ['NO_COLOR', 'no colours when it is not empty'],
  ['FORCE_COLOR', 'colours also where there is no terminal'],
];

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
