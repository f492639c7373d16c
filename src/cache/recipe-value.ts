/** Stands in a recipe for a value of which only a salted digest is known: that of a record of a remote cache. */
export const unknownValue = '\0unknown';

/** Whether a value, or one in a list of them as JSON, is not known. */
export function isUnknown(value: string | undefined): boolean {
  return value !== undefined && (value.includes(unknownValue) || value.includes('\\u0000unknown'));
}
