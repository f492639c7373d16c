import { TsbuildError } from '../util/errors.js';
import { absentCommands } from './absent-commands.js';
import { commandLoaders, commandNames, isCommandName } from './command-list.js';
import type { CliContext } from './context.js';
import { didYouMean } from './did-you-mean.js';
import { generalHelp, groupHelp } from './help.js';

/**
 * Runs the command that the arguments name; without a command they are those of `build`. Resolves to the exit code.
 * A bare word that is no command is an error rather than a context: it is more often a slip.
 */
export async function dispatch(args: readonly string[], context: CliContext): Promise<number> {
  const [first, second, ...others] = args;
  if (first === undefined || first === '--help' || first === '-h') return printHelp(context);
  if (first === 'help') return help(args.slice(1), context);
  const pair = `${first} ${second ?? ''}`;
  if (isCommandName(pair)) return (await commandLoaders[pair]()).main(others, context);
  if (isCommandName(first)) return (await commandLoaders[first]()).main(args.slice(1), context);
  if (isGroup(first) && (second === '--help' || second === '-h')) {
    context.stdout.write(await groupHelp(first));
    return 0;
  }
  if (isContextOrOption(first)) return (await commandLoaders.build()).main(args, context);
  throw unknownCommand(first, second);
}

async function help(names: readonly string[], context: CliContext): Promise<number> {
  if (names.length === 0) return printHelp(context);
  return dispatch([...names, '--help'], context);
}

async function printHelp(context: CliContext): Promise<number> {
  context.stdout.write(await generalHelp());
  return 0;
}

function isContextOrOption(word: string): boolean {
  return word.startsWith('-') || word === '.' || word === '..' || word.includes('/');
}

function isGroup(word: string): boolean {
  return commandNames.some((name) => name.startsWith(`${word} `));
}

function unknownCommand(first: string, second: string | undefined): TsbuildError {
  const group = commandNames.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0) {
    const hint = `there are: ${group.map((name) => `tsbuild ${name}`).join(', ')}`;
    const what =
      second === undefined
        ? `tsbuild ${first} needs a command`
        : `unknown command ${quoted(`${first} ${second}`)}`;
    return new TsbuildError('usage', what, { hint });
  }
  const absent = absentCommands.get(first);
  if (absent !== undefined) {
    const yet = absent.verdict === 'planned' ? ' yet' : '';
    return new TsbuildError('unsupported', `tsbuild ${first} is not supported${yet}`, { hint: absent.say });
  }
  const meant = didYouMean(first, [...commandNames, 'help']);
  const hint =
    meant === undefined
      ? `to build a folder, write tsbuild ./FOLDER; tsbuild --help lists the commands`
      : `did you mean tsbuild ${meant}?`;
  return new TsbuildError('usage', `unknown command ${quoted(first)}`, { hint });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
