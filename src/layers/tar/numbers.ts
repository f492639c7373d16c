import { archiveError } from './entry.js';

const space = 0x20;

/**
 * A numeric header field: octal between blanks and NULs, or base-256 (two's complement, first bit set). Integers
 * beyond 2^53 come as bigint. Throws `archive` for anything else, as Go's archive/tar does.
 */
export function parseNumeric(block: Buffer, start: number, length: number): number | bigint {
  const first = block[start] ?? 0;
  return first & 0x80
    ? parseBase256(block.subarray(start, start + length))
    : parseOctal(block, start, length);
}

/** An octal field. Leading and trailing blanks and NULs are skipped; a NUL inside ends the digits; empty is 0. */
export function parseOctal(block: Buffer, start: number, length: number): number {
  let at = start;
  const end = start + length;
  while (at < end && isPadding(block[at])) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) value = value * 8 + byte - 0x30;
    else if (byte === 0 || allPadding(block, at, end)) break;
    else throw archiveError('a header field is not an octal number');
  }
  return value;
}

function isPadding(byte: number | undefined): boolean {
  return byte === space || byte === 0;
}

function allPadding(block: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isPadding(block[at])) return false;
  return true;
}

function parseBase256(field: Buffer): number | bigint {
  const negative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = 0n;
  for (let at = 0; at < field.length; at++) {
    let byte = field[at] ?? 0;
    if (negative) byte ^= 0xff;
    if (at === 0) byte &= 0x7f;
    value = (value << 8n) | BigInt(byte);
  }
  if (value >= 1n << 63n) throw archiveError('a base-256 number does not fit 64 bits');
  return narrow(negative ? -value - 1n : value);
}

/** A decimal number of a PAX record: a 64-bit integer with an optional sign. */
export function parseDecimal(text: string): number | bigint {
  if (!/^[+-]?\d+$/.test(text)) throw archiveError(`not a number: ${JSON.stringify(text.slice(0, 40))}`);
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value >= 1n << 63n || value < -(1n << 63n)) throw archiveError('a number does not fit 64 bits');
  return narrow(value);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Checks a number against inclusive bounds that a JavaScript number holds exactly. */
export function within(value: number | bigint, [low, high]: readonly [number, number], what: string): number {
  if (typeof value === 'bigint' || value < low || value > high) {
    throw archiveError(`${what} ${value} is out of range`);
  }
  return value;
}

const nanoseconds = 1_000_000_000n;
const longest = (1n << 63n) - 1n;

/**
 * Seconds and nanoseconds as one time. Times that do not fit 64 bits of nanoseconds (before 1677, after 2262) become
 * 1970, which is what containerd makes of them.
 */
export function boundedTime(seconds: number | bigint, nanos = 0n): bigint {
  const time = BigInt(seconds) * nanoseconds + nanos;
  return time > longest || time < -longest - 1n ? 0n : time;
}

/** A PAX time: decimal seconds with an optional fraction, cut to nanoseconds. */
export function parsePaxTime(text: string): bigint {
  const dot = text.indexOf('.');
  const whole = dot < 0 ? text : text.slice(0, dot);
  const fraction = dot < 0 ? '' : text.slice(dot + 1);
  if (!/^\d*$/.test(fraction)) throw archiveError(`not a time: ${JSON.stringify(text.slice(0, 40))}`);
  const nanos = BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return boundedTime(parseDecimal(whole), whole.startsWith('-') ? -nanos : nanos);
}
