import { posix } from 'node:path';
import { goBoolean } from './go-boolean.js';
import { InstructionError } from './instruction-error.js';
import { didYouMean } from './suggest.js';

const sharings = ['shared', 'private', 'locked'] as const;

/** What each key's value must be; keys that are not here take any text. */
const checks: ReadonlyMap<string, (value: string) => unknown> = new Map<string, (value: string) => unknown>([
  ['readonly', parseMountBoolean],
  ['readwrite', parseMountBoolean],
  ['required', parseMountBoolean],
  ['size', parseMountSize],
  ['mode', parseMountMode],
  ['uid', parseMountId],
  ['gid', parseMountId],
  ['sharing', parseMountSharing],
  ['target', checkTarget],
  ['env', checkEnv],
]);

/**
 * Checks the value of a mount option after its variables are expanded. `key` is spelled out (`target`, not
 * `dst`).
 *
 * @throws TsbuildError `dockerfile` for a value that the key cannot have
 */
export function checkMountValue(key: string, value: string): void {
  try {
    checks.get(key)?.(value);
  } catch (error) {
    if (!(error instanceof InstructionError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new InstructionError(
      `invalid value ${JSON.stringify(value)} for mount option ${key}: ${error.message}`,
      {
        ...hint,
        part: { flag: 'mount' },
      },
    );
  }
}

/** The words that Go's `strconv.ParseBool` knows. @throws TsbuildError `dockerfile` */
export function parseMountBoolean(value: string): boolean {
  const known = goBoolean(value);
  if (known === undefined) throw new InstructionError('it must be true or false');
  return known;
}

const unitPowers = 'kmgtp';

/** Bytes of a size such as `64m`, `1.5GiB`; units are powers of 1024. @throws TsbuildError `dockerfile` */
export function parseMountSize(value: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(value) ?? [];
  const bytes = Number(amount) * 1024 ** (unit === '' ? 0 : unitPowers.indexOf(unit.toLowerCase()) + 1);
  if (amount === '' || bytes > Number.MAX_SAFE_INTEGER)
    throw new InstructionError('it must be a size such as 64m');
  return Math.floor(bytes);
}

/** Octal permission bits, at most 07777. @throws TsbuildError `dockerfile` */
export function parseMountMode(value: string): number {
  const mode = /^[0-7]{1,11}$/.test(value) ? Number.parseInt(value, 8) : Number.NaN;
  if (mode <= 0o7777) return mode;
  throw new InstructionError('it must be an octal mode up to 7777');
}

/** A user or group id; 2^32 - 1 means "no id" to the kernel. @throws TsbuildError `dockerfile` */
export function parseMountId(value: string): number {
  const id = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (id < 2 ** 32 - 1) return id;
  throw new InstructionError('it must be a number from 0 to 4294967294');
}

/** In any case. @throws TsbuildError `dockerfile` */
export function parseMountSharing(value: string): (typeof sharings)[number] {
  const sharing = sharings.find((known) => known === value.toLowerCase());
  if (sharing !== undefined) return sharing;
  throw new InstructionError(`it must be one of ${sharings.join(', ')}`, {
    hint: didYouMean(value, sharings),
  });
}

function checkTarget(value: string): void {
  if (!value.startsWith('/') || posix.normalize(value) !== '/') return;
  throw new InstructionError('nothing can be mounted over the root');
}

function checkEnv(value: string): void {
  if (value === '' || value.includes('=')) throw new InstructionError('it must be the name of a variable');
}
