const trues = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falses = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** What a word of Go's `strconv.ParseBool` stands for; undefined for any other. */
export function goBoolean(word: string | undefined): boolean | undefined {
  if (word === undefined) return undefined;
  return trues.has(word) ? true : falses.has(word) ? false : undefined;
}
