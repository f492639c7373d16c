import { InstructionError } from './instruction-error.js';

const units: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['µs', 1e3],
  ['μs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);

const longest = 2 ** 63;

/**
 * Nanoseconds of a duration in Go's form: `1h30m`, `1.5s`, `-2ms`, `0`. Beyond 2^53 ns (104 days) they are
 * rounded.
 *
 * @throws TsbuildError `dockerfile` for anything else, and for more than 2^63 ns
 */
export function parseGoDuration(text: string): number {
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return 0;
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let total = 0;
  let at = 0;
  while (at < unsigned.length) {
    part.lastIndex = at;
    const [matched = '', amount = '', unit = ''] = part.exec(unsigned) ?? [];
    if (matched === '') break;
    total += Number(amount) * (units.get(unit) ?? 0);
    at += matched.length;
  }
  if (at === 0 || at < unsigned.length || total >= longest) {
    throw new InstructionError(`invalid duration ${JSON.stringify(text)}`, {
      hint: 'write for example 30s or 1m30s',
    });
  }
  return Math.trunc(text.startsWith('-') ? -total : total);
}
