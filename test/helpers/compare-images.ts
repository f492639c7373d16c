/** Compares two images fact by fact; what is known to differ, and why, is named in tables. */
import type { Fact, Section } from './image-facts.js';

export interface Difference {
  readonly section: Section;
  readonly subject: string;
  readonly attribute: string;
  readonly ours: string | undefined;
  readonly theirs: string | undefined;
}

/** A difference that is meant. `why` is printed where it is looked for and not found. */
export interface NamedDifference {
  readonly why: string;
  readonly matches: (difference: Difference) => boolean;
}

export interface Comparison {
  /** Modification times at or after this moment (ns) are those of the build, and equal each other. */
  readonly builtSince: bigint;
  readonly allowed?: readonly NamedDifference[];
  /** Sections to look at; the distribution over layers is not compared unless asked. */
  readonly sections?: readonly Section[];
}

const usualSections: readonly Section[] = ['tree', 'config', 'history'];

/** Differences that no entry of `allowed` explains, as lines to read; empty when the images are alike. */
export function compareImages(
  ours: readonly Fact[],
  theirs: readonly Fact[],
  comparison: Comparison,
): readonly string[] {
  const allowed = comparison.allowed ?? [];
  return differencesOf(ours, theirs, comparison)
    .filter((difference) => !allowed.some(({ matches }) => matches(difference)))
    .map(describe);
}

/** All differences; of an entry that one side lacks, only that. */
export function differencesOf(
  ours: readonly Fact[],
  theirs: readonly Fact[],
  { builtSince, sections = usualSections }: Comparison,
): readonly Difference[] {
  const left = index(ours, builtSince);
  const right = index(theirs, builtSince);
  const keys = [...new Set([...left.keys(), ...right.keys()])].toSorted();
  return keys.flatMap((key) => {
    const fact = left.get(key) ?? right.get(key);
    if (fact === undefined || !sections.includes(fact.section)) return [];
    if (left.get(key)?.value === right.get(key)?.value) return [];
    if (isDetailOfMissingEntry(fact, left, right)) return [];
    const { section, subject, attribute } = fact;
    return [{ section, subject, attribute, ours: left.get(key)?.value, theirs: right.get(key)?.value }];
  });
}

type Index = ReadonlyMap<string, Fact>;

function index(facts: readonly Fact[], builtSince: bigint): Index {
  return new Map(facts.map((fact) => [keyOf(fact), coarse(fact, builtSince)]));
}

function keyOf({ section, subject, attribute }: Omit<Fact, 'value'>): string {
  return `${section}\0${subject}\0${attribute}`;
}

function coarse(fact: Fact, builtSince: bigint): Fact {
  if (fact.section !== 'tree' || fact.attribute !== 'mtime') return fact;
  const seconds = BigInt(fact.value) / 1_000_000_000n; // the references write whole seconds
  const value = seconds >= builtSince / 1_000_000_000n ? 'when built' : `${seconds} s`;
  return { ...fact, value };
}

function isDetailOfMissingEntry(fact: Fact, left: Index, right: Index): boolean {
  if (fact.section !== 'tree' || fact.attribute === 'kind') return false;
  const kind = keyOf({ ...fact, attribute: 'kind' });
  return !left.has(kind) || !right.has(kind);
}

function describe({ section, subject, attribute, ours, theirs }: Difference): string {
  const place = [section, subject, attribute].filter((part) => part !== '').join(' ');
  return `${place}: ours ${ours ?? '(absent)'} | theirs ${theirs ?? '(absent)'}`;
}
