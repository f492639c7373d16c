import type { FileChange } from './file-listing.js';
import { looksSecret } from './looks-secret.js';
import { isUnknown } from './recipe-value.js';
import type { Recipe } from './types.js';

/** One part of a recipe that differs from an earlier one. */
export interface Difference {
  readonly label: string;
  readonly before: string | undefined;
  readonly now: string | undefined;
}

/** One input of a step that differs from the nearest earlier record. */
export interface Cause {
  readonly kind: 'variable' | 'argument' | 'files' | 'base' | 'step' | 'option';
  /** Name of the variable or argument, the pattern of the files, the step, or what the recipe calls it. */
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Absent where a value looks secret or is not known, and for files and steps. */
  readonly before?: string | undefined;
  readonly now?: string | undefined;
  /** What differs, when the earlier files are known. Paths are text. */
  readonly files?: readonly FileChange[] | undefined;
}

/** Why a step has no usable result in the cache. */
export type Explanation =
  /** Nothing like it was done before. */
  | { readonly kind: 'first' }
  /** `--no-cache`, `--no-cache-filter` or `--refresh`. */
  | { readonly kind: 'asked' }
  /** Milliseconds. */
  | { readonly kind: 'expired'; readonly age: number; readonly ttl: number }
  /** It was done, but its record or its layers were deleted or damaged. */
  | { readonly kind: 'gone' }
  /** The step at this place had another text. */
  | { readonly kind: 'instruction'; readonly before: string; readonly now: string }
  /** The nearest earlier record differs in these inputs. */
  | { readonly kind: 'changed'; readonly causes: readonly Cause[] };

/** What differs between two recipes of the same step, in the order of the newer one. */
export function differences(before: Recipe, now: Recipe): readonly Difference[] {
  const old = grouped(before);
  const fresh = grouped(now);
  const labels = new Set([...fresh.keys(), ...old.keys()]);
  const found: Difference[] = [];
  for (const label of labels) {
    const was = old.get(label);
    const is = fresh.get(label);
    if (was !== is) found.push({ label, before: was, now: is });
  }
  return found;
}

/** A difference as a cause, for all labels but those of files and of other steps. */
export function causeOf({ label, before, now }: Difference, buildArguments: readonly string[] = []): Cause {
  const [, variable] = /^variable (.*)$/s.exec(label) ?? [];
  const kind =
    variable === undefined ? 'option' : buildArguments.includes(variable) ? 'argument' : 'variable';
  const name = variable ?? label;
  const hidden =
    isUnknown(before) || [before, now].some((value) => value !== undefined && looksSecret(name, value));
  return {
    kind: label === 'the base image' || label.startsWith('the image of ') ? 'base' : kind,
    name,
    change: changeOf(before, now),
    ...(hidden ? {} : { before: shown(before), now: shown(now) }),
  };
}

export function changeOf(before: string | undefined, now: string | undefined): Cause['change'] {
  return before === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
}

/** Parts that share a label, as one value: a list of JSON when there are several. */
function grouped(recipe: Recipe): ReadonlyMap<string, string> {
  const parts = new Map<string, string[]>();
  for (const [label, value] of recipe) parts.set(label, [...(parts.get(label) ?? []), value]);
  return new Map(
    [...parts].map(([label, values]) => [
      label,
      values.length === 1 ? (values[0] ?? '') : JSON.stringify(values),
    ]),
  );
}

/** UTF-16 units of a value that are shown. */
const longest = 80;

function shown(value: string | undefined): string | undefined {
  return value !== undefined && value.length > longest ? `${value.slice(0, longest - 1)}…` : value;
}
