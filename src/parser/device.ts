import { parseCsv } from './csv.js';
import { goBoolean } from './go-boolean.js';
import { InstructionError } from './instruction-error.js';
import { didYouMean } from './suggest.js';
import type { DeviceOption } from './types.js';

const keys = ['name', 'required'] as const;

/**
 * One `--device` value: CSV fields, of which the first that is no option is the name, be it `vendor.com/class=device`.
 * Whether the name can be one is known only where aliases are.
 *
 * @throws InstructionError for what BuildKit refuses, and for a value without a name
 */
export function parseDevice(text: string): DeviceOption {
  let name = '';
  let required = false;
  for (const field of parseCsv(text)) {
    const [key, value] = splitField(field);
    if (key === 'required') required = value === undefined || parseRequired(value);
    else if (key === 'name' && value !== undefined) name = onlyName(name, value);
    else if (name === '') name = field;
    else throw unexpected(field, key, value);
  }
  if (name === '') throw deviceError('--device needs the name of a device');
  return { name, required };
}

function splitField(field: string): readonly [key: string, value: string | undefined] {
  const equals = field.indexOf('=');
  if (equals < 0) return [field.toLowerCase(), undefined];
  return [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
}

function onlyName(before: string, value: string): string {
  if (before === '') return value;
  throw deviceError(`the device has two names, ${JSON.stringify(before)} and ${JSON.stringify(value)}`);
}

function parseRequired(value: string): boolean {
  const known = goBoolean(value);
  if (known !== undefined) return known;
  throw deviceError(`invalid value ${JSON.stringify(value)} for required: it must be true or false`);
}

function unexpected(field: string, key: string, value: string | undefined): InstructionError {
  const shown = JSON.stringify(field);
  const hint = didYouMean(key, keys) ?? 'give each device a --device of its own';
  if (value === undefined) return deviceError(`invalid field ${shown} must be a key=value pair`, hint);
  return deviceError(`unexpected key ${JSON.stringify(key)} in ${shown}`, hint);
}

function deviceError(message: string, hint?: string): InstructionError {
  return new InstructionError(message, { hint, part: { flag: 'device' } });
}
