import { parseCsv } from '../../parser/csv.js';
import { TsbuildError } from '../../util/errors.js';

/** What an option of one type of cache may say. */
export interface KnownKeys {
  readonly used: readonly string[];
  /** Of buildx, and without effect here: they cannot change a result. */
  readonly ignored: readonly string[];
}

/** The fields of one `--cache-from` or `--cache-to`. Throws `usage` for what is not understood. */
export interface OptionFields {
  readonly type: string;
  /** Fields that have no effect. */
  readonly ignored: readonly string[];
  get(key: string): string | undefined;
  required(key: string): string;
  flag(key: string): boolean | undefined;
  choice<T extends string>(key: string, values: readonly T[]): T | undefined;
  /** A whole number up to `most`. */
  number(key: string, most: number): number | undefined;
  wrong(problem: string, hint?: string): TsbuildError;
}

/** Reads CSV fields in the form of docker buildx; a reference alone is `type=registry`. Throws `usage`. */
export function readFields(
  option: string,
  text: string,
  keysOf: ReadonlyMap<string, KnownKeys>,
): OptionFields {
  const values = valuesOf(option, text);
  const type = values.get('type') ?? 'registry';
  const wrong = (problem: string, hint?: string) =>
    new TsbuildError('usage', `${option} ${JSON.stringify(hidden(text))}: ${problem}`, { hint });
  const known = keysOf.get(type);
  if (known === undefined)
    throw wrong(
      `the type ${JSON.stringify(type)} is not supported`,
      `types are ${[...keysOf.keys()].join(', ')}`,
    );
  const { used, ignored } = known;
  const stranger = [...values.keys()].find((key) => ![...used, ...ignored, 'type'].includes(key));
  if (stranger !== undefined)
    throw wrong(`${type} has no option ${JSON.stringify(stranger)}`, `its options are ${used.join(', ')}`);
  return {
    type,
    ignored: ignored.filter((key) => values.has(key)),
    ...accessors(values, wrong),
    wrong,
  };
}

function accessors(
  values: ReadonlyMap<string, string>,
  wrong: OptionFields['wrong'],
): Pick<OptionFields, 'get' | 'required' | 'flag' | 'choice' | 'number'> {
  const choice = <T extends string>(key: string, choices: readonly T[]): T | undefined => {
    const value = values.get(key);
    const found = choices.find((item) => item === value);
    if (value === undefined || found !== undefined) return found;
    throw wrong(`${key} is ${choices.join(' or ')}, not ${JSON.stringify(value)}`);
  };
  return {
    get: (key) => values.get(key),
    choice,
    required: (key) => {
      const value = values.get(key);
      if (value === undefined || value === '') throw wrong(`it needs ${key}=…`);
      return value;
    },
    flag: (key) => {
      const value = choice(key, ['true', 'false', '1', '0']);
      return value === undefined ? undefined : value === 'true' || value === '1';
    },
    number: (key, most) => {
      const value = values.get(key);
      if (value === undefined) return undefined;
      if (/^\d{1,9}$/.test(value) && Number(value) <= most) return Number(value);
      throw wrong(`${key} is a number from 0 to ${most}, not ${JSON.stringify(value)}`);
    },
  };
}

function valuesOf(option: string, text: string): ReadonlyMap<string, string> {
  let fields: readonly string[];
  try {
    fields = parseCsv(text.trim());
  } catch (cause) {
    const shown = JSON.stringify(hidden(text));
    throw new TsbuildError('usage', `${option}: the quotes of ${shown} are not those of CSV`, { cause });
  }
  const [only = ''] = fields;
  if (fields.length === 1 && !only.includes('=')) return new Map([['ref', only]]);
  const values = new Map<string, string>();
  for (const field of fields) {
    const at = field.indexOf('=');
    const key = field.slice(0, Math.max(at, 0)).trim().toLowerCase();
    if (key === '')
      throw new TsbuildError('usage', `${option}: ${JSON.stringify(field)} is not of the form key=value`);
    if (values.has(key)) throw new TsbuildError('usage', `${option}: ${key} is given twice`);
    values.set(key, field.slice(at + 1).trim());
  }
  return values;
}

/** An option without the values that are secrets. */
function hidden(text: string): string {
  return text.replaceAll(/((?:secret_access_key|session_token|token)=)[^,"]*/gi, '$1…');
}
