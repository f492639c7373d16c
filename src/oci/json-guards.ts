/**
 * Guards for parsed foreign JSON. `where` is the path of the value for the message, such as `manifest.config.size`.
 * `null` counts as absent, as it does in Go, which wrote most of these documents. All of them throw `image`.
 */
import { TsbuildError } from '../util/errors.js';

export type JsonObject = Readonly<Record<string, unknown>>;

function wrong(where: string, expected: string): TsbuildError {
  return new TsbuildError('image', `${where} is not ${expected}`);
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * An object with the members `known` and any others, except those that a reader ignoring case (Go's
 * encoding/json) would take for a known one.
 */
export function structOf(value: unknown, where: string, known: readonly string[]): JsonObject {
  if (!isJsonObject(value)) throw wrong(where, 'an object');
  const folded = new Map(known.map((name) => [fold(name), name]));
  for (const key of Object.keys(value)) {
    const name = folded.get(fold(key));
    if (name === undefined || name === key) continue;
    throw new TsbuildError(
      'image',
      `${where} has a member ${JSON.stringify(key)} that some readers take for "${name}"`,
    );
  }
  return value;
}

/** Upper case first: the long s (U+017F) and the Kelvin sign fold to ASCII letters in Go. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

export function stringOf(value: unknown, where: string): string {
  if (typeof value !== 'string') throw wrong(where, 'a string');
  if (value.includes('\0')) throw new TsbuildError('image', `${where} contains a NUL character`);
  return value;
}

/** A whole number from 0 to 2^53-1. */
export function countOf(value: unknown, where: string): number {
  if (!Number.isSafeInteger(value) || typeof value !== 'number' || value < 0 || Object.is(value, -0)) {
    throw wrong(where, 'a whole number of 0 or more');
  }
  return value;
}

export function integerOf(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrong(where, 'a whole number');
  return value;
}

export function booleanOf(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw wrong(where, 'true or false');
  return value;
}

/** Items of an array of at most `limit`. */
export function itemsOf(value: unknown, where: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(where, 'an array');
  if (value.length > limit)
    throw new TsbuildError('image', `${where} has ${value.length} items, more than ${limit}`);
  return value;
}

const manyStrings = 100_000;

export function stringsOf(value: unknown, where: string): readonly string[] {
  return itemsOf(value, where, manyStrings).map((item, i) => stringOf(item, `${where}[${i}]`));
}

/** A map from any names to strings, such as labels and annotations. */
export function stringMapOf(value: unknown, where: string): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) throw wrong(where, 'an object');
  return Object.fromEntries(
    Object.entries(value).map(([key, text]) => [key, stringOf(text, `${where} member`)]),
  );
}

/** A set written as an object with empty values, such as exposed ports. */
export function nameSetOf(value: unknown, where: string): Readonly<Record<string, object>> {
  if (!isJsonObject(value)) throw wrong(where, 'an object');
  return Object.fromEntries(Object.keys(value).map((key) => [stringOf(key, where), {}]));
}

export type Guard<T> = (value: unknown, where: string) => T;

/** Those of `guards` whose member is present and not null, checked; the result is to be spread. */
export function optionalMembers<T>(
  object: JsonObject,
  where: string,
  guards: { readonly [K in keyof T]: Guard<T[K]> },
): { readonly [K in keyof T]?: T[K] } {
  const result: { [K in keyof T]?: T[K] } = {};
  for (const name in guards) {
    const value = object[name];
    if (value !== undefined && value !== null) result[name] = guards[name](value, `${where}.${name}`);
  }
  return result;
}
