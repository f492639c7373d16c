import type { Recipe } from './types.js';

/** One part of a recipe that differs from an earlier one. */
export interface Difference {
  readonly label: string;
  readonly before: string | undefined;
  readonly now: string | undefined;
}

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

/** One sentence about why a step missed. Values are not shown: an argument may be a secret. */
export function explainMiss(before: Recipe | undefined, now: Recipe): string {
  if (before === undefined) return 'no earlier result of this step';
  const [first, ...rest] = differences(before, now);
  if (first === undefined) return 'its earlier result is no longer in the store';
  const change = first.before === undefined ? 'is new' : first.now === undefined ? 'is gone' : 'changed';
  return `${first.label} ${change}${rest.length === 0 ? '' : ` (and ${rest.length} more)`}`;
}

/** Parts by label; parts that share a label are one, in order. */
function grouped(recipe: Recipe): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const [label, value] of recipe) {
    const known = parts.get(label);
    parts.set(label, known === undefined ? value : `${known}\0${value}`);
  }
  return parts;
}
