import parse from 'yargs-parser';
import { TsbuildError } from '../util/errors.js';
import { canonicalArgs } from './canonical-args.js';
import type { CommandInput, CommandSpec } from './command.js';
import { didYouMean } from './did-you-mean.js';
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
  const canonical = canonicalArgs(args, {
    command: name,
    options,
    peerFlags,
    optionsFirst: spec.optionsFirst,
  });
  if (canonical.help) return 'help';
  const [least, most] = spec.arity;
  const given = canonical.positionals.length;
  if (given < least || given > most) throw wrongArity(spec, canonical.positionals);
  const parsed = read(canonical.options, options);
  const values = Object.entries(options).map(([key, option]) => [key, valueOf(parsed, key, option)]);
  return {
    options: Object.fromEntries(values) as OptionValues<T>,
    positionals: canonical.positionals,
    warnings: canonical.warnings,
  };
}

/** yargs' own parser: yargs itself takes 9 ms more to load and serves for help texts only (help-text.ts). */
function read(args: readonly string[], options: OptionTable): unknown {
  const names = (wanted: (option: OptionSpec) => boolean) =>
    Object.keys(options).filter((name) => {
      const option = options[name];
      return option !== undefined && wanted(option);
    });
  const texts = names(({ kind }) => kind !== 'flag');
  const alias = Object.entries(options).flatMap(([name, { short }]) =>
    short === undefined ? [] : [[name, short]],
  );
  return parse([...args], {
    alias: Object.fromEntries(alias) as Record<string, string>,
    boolean: names(({ kind }) => kind === 'flag'),
    string: texts,
    narg: Object.fromEntries(texts.map((name) => [name, 1])),
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    },
  });
}

/**
 * Of a scalar option given several times the last value counts, as with Docker. Values are declared with nargs and lists not as
 * arrays: otherwise yargs takes quotes off values.
 */
function valueOf(parsed: unknown, key: string, option: OptionSpec): unknown {
  const value: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, key) : undefined;
  const all: readonly unknown[] = value === undefined ? [] : [value].flat();
  const given = (one: unknown) => one !== '' || option.emptyIsNone !== true;
  if ('choices' in option && option.choices !== undefined)
    for (const one of all.filter(given)) checkChoice(key, one, option.choices);
  if (option.kind === 'list') return all.filter(given);
  const last = all.at(-1);
  if (option.kind === 'flag') return last === true;
  return given(last) ? last : undefined;
}

function checkChoice(key: string, value: unknown, choices: readonly string[]): void {
  if (choices.some((choice) => choice === value)) return;
  const text = String(value);
  const meant = didYouMean(text, choices);
  throw new TsbuildError('usage', `--${key} does not take ${JSON.stringify(text)}`, {
    hint: meant === undefined ? `it takes ${choices.join(', ')}` : `did you mean ${meant}?`,
  });
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
