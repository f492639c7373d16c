import { TsbuildError } from '../util/errors.js';
import { didYouMean } from './did-you-mean.js';
import type { OptionSpec, OptionTable } from './option-table.js';
import type { PeerFlag } from './peer-flags.js';

export interface Grammar {
  /** Name of the command, for messages. */
  readonly command: string;
  readonly options: OptionTable;
  readonly peerFlags: readonly PeerFlag[];
  /** Options end at the first positional argument. */
  readonly optionsFirst?: boolean | undefined;
}

export interface CanonicalArgs {
  /** `--name=value` for each option that was given, in order. */
  readonly options: readonly string[];
  readonly positionals: readonly string[];
  /** Sentences about options that were ignored. */
  readonly warnings: readonly string[];
  /** `--help` or `-h` was among the options. */
  readonly help: boolean;
}

interface State {
  readonly grammar: Grammar;
  readonly rest: string[];
  readonly options: string[];
  readonly positionals: string[];
  readonly warnings: string[];
  help: boolean;
}

/**
 * Reads arguments by the grammar of Go's pflag, which Docker, buildah and kaniko use: `--name value`,
 * `--name=value`, `-t value`, `-tvalue`, `-qt value`; an option with a value takes the next argument whatever it
 * looks like; options and positional arguments mix; `--` ends the options. Throws `usage` for unknown options and
 * missing values, `unsupported` for options of other builders that would change the result.
 */
export function canonicalArgs(args: readonly string[], grammar: Grammar): CanonicalArgs {
  const state: State = { grammar, rest: [...args], options: [], positionals: [], warnings: [], help: false };
  for (let arg = state.rest.shift(); arg !== undefined; arg = state.rest.shift()) {
    if (arg === '--') state.positionals.push(...state.rest.splice(0));
    else if (arg.startsWith('--')) readLong(arg.slice(2), state);
    else if (arg.startsWith('-') && arg !== '-') readShort(arg.slice(1), state);
    else state.positionals.push(arg, ...(grammar.optionsFirst ? state.rest.splice(0) : []));
  }
  return state;
}

function readLong(text: string, state: State): void {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text : text.slice(0, equals);
  const inline = equals === -1 ? undefined : text.slice(equals + 1);
  const spec = Object.hasOwn(state.grammar.options, name) ? state.grammar.options[name] : undefined;
  if (spec !== undefined) give(name, spec, inline, state);
  else readForeign(`--${name}`, inline, state);
}

function readShort(text: string, state: State): void {
  const [letter = '', ...others] = text;
  const tail = others.join('');
  const found = Object.entries(state.grammar.options).find(([, spec]) => spec.short === letter);
  if (found === undefined) return readForeign(`-${letter}`, tail === '' ? undefined : tail, state);
  const [name, spec] = found;
  if (spec.kind === 'flag' && tail !== '' && !tail.startsWith('=')) {
    give(name, spec, undefined, state);
    return readShort(tail, state);
  }
  give(name, spec, tail === '' ? undefined : tail.replace(/^=/, ''), state);
}

function give(name: string, spec: OptionSpec, inline: string | undefined, state: State): void {
  if (spec.kind === 'flag') {
    state.options.push(`--${name}=${parseBoolean(`--${name}`, inline)}`);
  } else if (spec.kind === 'optional') {
    state.options.push(`--${name}=${checked(name, spec, inline ?? spec.implicit)}`);
  } else {
    const value = inline ?? state.rest.shift();
    if (value === undefined)
      throw new TsbuildError('usage', `--${name} needs a value`, { hint: help(state) });
    state.options.push(`--${name}=${checked(name, spec, value)}`);
  }
}

function checked(name: string, spec: OptionSpec, value: string): string {
  if (value === '' && spec.emptyIsNone) return value;
  if (!('choices' in spec) || spec.choices === undefined || spec.choices.includes(value)) return value;
  const meant = didYouMean(value, spec.choices);
  const hint = meant === undefined ? `it takes ${spec.choices.join(', ')}` : `did you mean ${meant}?`;
  throw new TsbuildError('usage', `--${name} does not know ${JSON.stringify(value)}`, { hint });
}

/** The spellings of Go's strconv.ParseBool that people use. */
function parseBoolean(name: string, text = 'true'): boolean {
  if (['true', '1', 't', 'True', 'TRUE', 'T'].includes(text)) return true;
  if (['false', '0', 'f', 'False', 'FALSE', 'F'].includes(text)) return false;
  throw new TsbuildError('usage', `${name} is true or false, not ${JSON.stringify(text)}`);
}

function readForeign(name: string, inline: string | undefined, state: State): void {
  if (name === '--help' || name === '-h') {
    state.help = true;
    return;
  }
  const peer = state.grammar.peerFlags.find((flag) => flag.name === name || flag.short === name);
  if (peer === undefined) throw unknownOption(name, state);
  if (peer.verdict === 'ignored') {
    if (peer.unlessFalse !== undefined && !parseBoolean(name, inline))
      throw new TsbuildError('unsupported', `${name}=false is not supported`, { hint: peer.unlessFalse });
    if (peer.unlessTrue !== undefined && parseBoolean(name, inline))
      throw new TsbuildError('unsupported', `${name} is not supported`, { hint: peer.unlessTrue });
    if (peer.takes === 'value' && inline === undefined) state.rest.shift();
    state.warnings.push(`${name} is ignored: ${peer.say}`);
    return;
  }
  const yet = peer.verdict === 'planned' ? ' yet' : '';
  throw new TsbuildError('unsupported', `${name} is not supported${yet}`, { hint: peer.say });
}

function unknownOption(name: string, state: State): TsbuildError {
  const names = Object.keys(state.grammar.options).map((option) => `--${option}`);
  const meant = name.startsWith('--') ? didYouMean(name, names) : undefined;
  const hint = meant === undefined ? help(state) : `did you mean ${meant}?`;
  return new TsbuildError('usage', `unknown option ${JSON.stringify(name).slice(1, -1)}`, { hint });
}

function help(state: State): string {
  return `tsbuild ${state.grammar.command} --help lists the options`;
}
