import yargs, { type Options } from 'yargs';
import type { CommandSpec } from './command.js';
import type { OptionSpec, OptionTable } from './option-table.js';

/** The help text of a command, `columns` wide. */
export function helpText<T extends OptionTable>(spec: CommandSpec<T>, columns: number): Promise<string> {
  const parser = parserFor(spec).wrap(Math.min(columns, 110));
  return (spec.epilogue === undefined ? parser : parser.epilogue(spec.epilogue)).getHelp();
}

function parserFor<T extends OptionTable>(spec: CommandSpec<T>) {
  const options = Object.entries(spec.options).map(([name, option]) => [name, yargsOption(option)]);
  return yargs([])
    .scriptName('tsbuild')
    .usage(`tsbuild ${spec.name} [OPTIONS] ${spec.positionals}\n\n${spec.summary}`)
    .options(Object.fromEntries(options) as Record<string, Options>)
    .detectLocale(false)
    .help(false)
    .version(false);
}

function yargsOption(option: OptionSpec): Options {
  const { short, describe } = option;
  const common: Options = { describe, ...(short === undefined ? {} : { alias: short }) };
  if (option.kind === 'flag') return { ...common, type: 'boolean' };
  const choices = 'choices' in option ? option.choices : undefined;
  return { ...common, type: 'string', nargs: 1, ...(choices === undefined ? {} : { choices }) };
}
