import { parseCsv } from './csv.js';
import { InstructionError } from './instruction-error.js';
import { checkMountValue } from './mount-values.js';
import { didYouMean } from './suggest.js';
import type { MountOption } from './types.js';

type MountType = MountOption['type'];

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;

/** The types that a key may be given for. */
const keys: ReadonlyMap<string, readonly MountType[]> = new Map<string, readonly MountType[]>([
  ['type', types],
  ['target', types],
  ['source', ['bind', 'cache', 'secret']],
  ['from', ['bind', 'cache']],
  ['readonly', ['bind', 'cache']],
  ['readwrite', ['bind', 'cache']],
  ['id', ['cache', 'secret', 'ssh']],
  ['sharing', ['cache']],
  ['size', ['tmpfs']],
  ['required', ['secret', 'ssh']],
  ['mode', ['cache', 'secret', 'ssh']],
  ['uid', ['cache', 'secret', 'ssh']],
  ['gid', ['cache', 'secret', 'ssh']],
  ['env', ['secret']],
]);

const aliases: ReadonlyMap<string, string> = new Map([
  ['dst', 'target'],
  ['destination', 'target'],
  ['src', 'source'],
  ['ro', 'readonly'],
  ['rw', 'readwrite'],
]);

const flags = new Set(['readonly', 'readwrite', 'required']);

/**
 * One `--mount` value: CSV fields `key=value`, keys in any case. Keys and combinations are checked here,
 * values where they hold no variable; `checkMountValue` checks the others after expansion.
 *
 * @throws InstructionError for what BuildKit refuses, and for repeated keys and keys that it would ignore
 */
export function parseMountOptions(text: string): MountOption {
  const options = parseCsv(text).map(parseField);
  const seen = new Set<string>();
  for (const [key] of options) {
    if (seen.has(key)) throw mountError(`the mount option ${key} is given twice`);
    seen.add(key);
  }
  const type = mountType(options.find(([key]) => key === 'type')?.[1] ?? 'bind');
  const rest = options.filter(([key]) => key !== 'type');
  for (const option of rest) checkOption(type, option);
  checkCombination(type, new Map(rest));
  return { type, options: rest };
}

type Option = readonly [key: string, value: string];

function parseField(field: string): Option {
  const equals = field.indexOf('=');
  const written = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  const key = aliases.get(written) ?? written;
  if (!keys.has(key)) {
    throw mountError(
      `unexpected key ${JSON.stringify(written)} in ${JSON.stringify(field)}`,
      hintFor(written),
    );
  }
  if (equals >= 0) return [key, field.slice(equals + 1)];
  if (flags.has(key)) return [key, 'true'];
  throw mountError(`invalid field ${JSON.stringify(field)} must be a key=value pair`);
}

function hintFor(written: string): string {
  const known = [...keys.keys(), ...aliases.keys()];
  return didYouMean(written, known) ?? `mount options are ${[...keys.keys()].join(', ')}`;
}

function mountType(value: string): MountType {
  const type = types.find((known) => known === value.toLowerCase());
  if (type !== undefined) return type;
  if (value.includes('$')) throw mountError('the type of a mount cannot come from a variable');
  throw mountError(
    `unsupported mount type ${JSON.stringify(value)}`,
    didYouMean(value, types) ?? `mount types are ${types.join(', ')}`,
  );
}

function checkOption(type: MountType, [key, value]: Option): void {
  const allowed = keys.get(key) ?? [];
  if (!allowed.includes(type)) {
    throw mountError(
      `${key} is not allowed for mounts of type ${type}`,
      `it is an option of ${allowed.join(' and ')} mounts`,
    );
  }
  if (key === 'from' && /\$./.test(value)) {
    throw mountError(
      'from does not support variable expansion',
      'define a stage with FROM and an ARG, and name that',
    );
  }
  if (!value.includes('$')) checkMountValue(key, value);
}

function checkCombination(type: MountType, options: ReadonlyMap<string, string>): void {
  if (options.has('readonly') && options.has('readwrite')) {
    throw mountError('a mount cannot be given both readonly and readwrite');
  }
  if (type !== 'secret') return;
  if (options.has('source') && options.has('id'))
    throw mountError('a secret mount takes source or id, not both');
  if (!options.has('source') && !options.has('id') && !options.has('target')) {
    throw mountError(
      'invalid secret mount: one of id, source, target required',
      'write for example id=token',
    );
  }
}

function mountError(message: string, hint?: string): InstructionError {
  return new InstructionError(message, { hint, part: { flag: 'mount' } });
}
