import yargs, { type Argv, type Options } from 'yargs';
import { TsbuildError } from '../util/errors.js';
import { canonicalArgs } from './canonical-args.js';
import type { CommandInput, CommandSpec } from './command.js';
import type { OptionSpec, OptionTable, OptionValues } from './option-table.js';

export interface ParsedArgs<T extends OptionTable> extends CommandInput<T> {
  readonly warnings: readonly string[];
}

/** Reads the arguments of a command; `help` when they ask for it. Throws `usage` or `unsupported`. */
export function parseArgs<T extends OptionTable>(
  spec: CommandSpec<T>,
  args: readonly string[],
): ParsedArgs<T> | 'help' {
  const { name, options, peerFlags = [] } = spec;
  const canonical = canonicalArgs(args, { command: name, options, peerFlags });
  if (canonical.help) return 'help';
  const [least, most] = spec.arity;
  const given = canonical.positionals.length;
  if (given < least || given > most) throw wrongArity(spec, canonical.positionals);
  const parsed: unknown = parserFor(spec).parseSync([...canonical.options]);
  const values = Object.entries(options).map(([key, option]) => [key, valueOf(parsed, key, option)]);
  return {
    options: Object.fromEntries(values) as OptionValues<T>,
    positionals: canonical.positionals,
    warnings: canonical.warnings,
  };
}

/** The help text of a command, `columns` wide. */
export function helpText<T extends OptionTable>(spec: CommandSpec<T>, columns: number): Promise<string> {
  const parser = parserFor(spec).wrap(Math.min(columns, 110));
  return (spec.epilogue === undefined ? parser : parser.epilogue(spec.epilogue)).getHelp();
}

function parserFor<T extends OptionTable>(spec: CommandSpec<T>): Argv {
  const options = Object.entries(spec.options).map(([name, option]) => [name, yargsOption(option)]);
  return yargs([])
    .scriptName('tsbuild')
    .usage(`tsbuild ${spec.name} [OPTIONS] ${spec.positionals}\n\n${spec.summary}`)
    .options(Object.fromEntries(options) as Record<string, Options>)
    .detectLocale(false)
    .help(false)
    .version(false)
    .exitProcess(false)
    .strictOptions()
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new TsbuildError('usage', (message ?? 'wrong arguments').replace(/\s*\n\s*/g, ' '));
    });
}

function yargsOption(option: OptionSpec): Options {
  const { short, describe } = option;
  const common: Options = { describe, ...(short === undefined ? {} : { alias: short }) };
  if (option.kind === 'flag') return { ...common, type: 'boolean' };
  const choices = 'choices' in option ? option.choices : undefined;
  return { ...common, type: 'string', nargs: 1, ...(choices === undefined ? {} : { choices }) };
}

/**
 * Of a scalar option given several times the last value counts, as with Docker. Values are declared with nargs and lists not as
 * arrays: otherwise yargs takes quotes off values.
 */
function valueOf(parsed: unknown, key: string, option: OptionSpec): unknown {
  const value: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, key) : undefined;
  if (option.kind === 'list') return value === undefined ? [] : [value].flat();
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  return option.kind === 'flag' ? last === true : last;
}

function wrongArity<T extends OptionTable>(spec: CommandSpec<T>, given: readonly string[]): TsbuildError {
  const [least, most] = spec.arity;
  const wanted =
    least === most ? String(least) : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  const noun = wanted === '1' ? 'argument' : 'arguments';
  const shown = given.length === 0 ? 'none' : given.map((text) => JSON.stringify(text)).join(' ');
  return new TsbuildError('usage', `tsbuild ${spec.name} takes ${wanted} ${noun}, not ${shown}`, {
    hint: `usage: tsbuild ${spec.name} [OPTIONS] ${spec.positionals}`,
  });
}
