/**
 * Compiles the profile into a seccomp filter: the architecture decides the table, a binary search over ranges of
 * numbers the action. Numbers above every number that the profile knows fail with ENOSYS, so that libc falls back
 * (that is also what x32 calls get: their numbers have bit 30 set); other unnamed calls fail with EPERM.
 */
import type { Arch } from '../../sys/player-elf.js';
import { assembleFilter, type Instruction } from './bpf.js';
import { numbersArm } from './numbers-arm.js';
import { numbersArm64 } from './numbers-arm64.js';
import { numbersI386 } from './numbers-i386.js';
import { numbersX8664 } from './numbers-x86-64.js';
import { parseNumbers } from './numbers.js';
import { allowed, allowedOn, rulesFor, type IdScope, type Rule } from './profile.js';

/** One ABI of a machine: its AUDIT_ARCH value (linux/audit.h) and numbers. */
export interface Abi {
  readonly auditArch: number;
  readonly numbers: ReadonlyMap<string, number>;
  readonly family: keyof typeof allowedOn;
}

/** The ABIs of each architecture, the native one first. */
export const abis: Readonly<Record<Arch, readonly Abi[]>> = {
  x64: [
    { auditArch: 0xc000003e, numbers: parseNumbers(numbersX8664), family: 'x86' },
    { auditArch: 0x40000003, numbers: parseNumbers(numbersI386), family: 'x86' },
  ],
  arm64: [
    { auditArch: 0xc00000b7, numbers: parseNumbers(numbersArm64), family: 'arm' },
    { auditArch: 0x40000028, numbers: parseNumbers(numbersArm), family: 'arm' },
  ],
};

/** What the filter does with a number: a rule, or the same whatever the arguments. */
export type Verdict = 'allow' | 'eperm' | 'enosys' | Rule;

/** Numbers from `from` up to the next range's, with one verdict. */
export interface Range {
  readonly from: number;
  readonly verdict: Verdict;
}

const filters = new Map<string, Uint8Array>();

/** The filter as an array of struct sock_filter. */
export function seccompFilter(arch: Arch, scope: IdScope): Uint8Array {
  const key = `${arch} ${scope}`;
  const known = filters.get(key);
  if (known !== undefined) return known;
  const filter = assembleFilter(filterInstructions(abis[arch], scope));
  filters.set(key, filter);
  return filter;
}

/** The verdicts on all numbers of an ABI, from 0 on, neighbours different. */
export function verdictRanges({ numbers, family }: Abi, scope: IdScope = 'all-ids'): Range[] {
  const verdicts = new Map<number, Verdict>();
  for (const name of [...allowed, ...allowedOn[family]]) {
    const number = numbers.get(name);
    if (number !== undefined) verdicts.set(number, 'allow');
  }
  for (const [name, rule] of rulesFor(scope)) {
    const number = numbers.get(name);
    if (number !== undefined) verdicts.set(number, rule);
  }
  const unknown = 1 + Math.max(...[...verdicts.keys()].filter((number) => number < privateNumbers));
  const ranges: Range[] = [];
  const add = (from: number, verdict: Verdict): void => {
    if (ranges.at(-1)?.verdict !== verdict) ranges.push({ from, verdict });
  };
  let next = 0;
  for (const number of [...verdicts.keys()].sort((a, b) => a - b)) {
    if (number > next) add(next, next >= unknown ? 'enosys' : 'eperm');
    add(number, verdicts.get(number) ?? 'eperm');
    next = number + 1;
  }
  add(next, 'enosys');
  return ranges;
}

/** 32-bit ARM has calls of its own from here on (asm/unistd.h, __ARM_NR_BASE). */
const privateNumbers = 0x0f0000;

/** struct seccomp_data: the low halves of the arguments, eight bytes each. */
const offsets = { number: 0, arch: 4, arguments: 16 } as const;
const actions = { allow: 0x7fff0000, errno: 0x00050000, kill: 0x80000000 } as const;
const errnos = { eperm: 1, enosys: 38 } as const;

function filterInstructions(all: readonly Abi[], scope: IdScope): Instruction[] {
  const instructions: Instruction[] = [{ op: 'load', offset: offsets.arch }];
  all.forEach(({ auditArch }, index) => {
    instructions.push({
      op: 'equal',
      value: auditArch,
      no: `not-${index}`,
      label: `not-${index - 1}`,
    });
    instructions.push({ op: 'jump', to: `abi-${index}` });
  });
  instructions.push({ op: 'return', value: actions.kill, label: `not-${all.length - 1}` });
  all.forEach((abi, index) => {
    instructions.push({ op: 'load', offset: offsets.number, label: `abi-${index}` });
    instructions.push(...searchInstructions(verdictRanges(abi, scope), `range-${index}-`));
  });
  return instructions;
}

/** A binary search: the lower half follows, the upper half is jumped to. */
function searchInstructions(ranges: readonly Range[], prefix: string): Instruction[] {
  const [first] = ranges;
  if (ranges.length === 1 && first !== undefined)
    return verdictInstructions(first.verdict, `${prefix}${first.from}-`);
  const half = Math.ceil(ranges.length / 2);
  const upper = ranges.slice(half);
  const boundary = upper[0]?.from ?? 0;
  const [head, ...rest] = searchInstructions(upper, prefix);
  return [
    { op: 'greaterOrEqual', value: boundary, yes: `${prefix}${boundary}` },
    ...searchInstructions(ranges.slice(0, half), prefix),
    ...(head === undefined ? [] : [{ ...head, label: `${prefix}${boundary}` }]),
    ...rest,
  ];
}

function verdictInstructions(verdict: Verdict, prefix: string): Instruction[] {
  if (verdict === 'allow') return [{ op: 'return', value: actions.allow }];
  if (verdict === 'eperm' || verdict === 'enosys')
    return [{ op: 'return', value: actions.errno | errnos[verdict] }];
  if (verdict.kind === 'errno') return [{ op: 'return', value: actions.errno | verdict.errno }];
  if (verdict.kind === 'nodes') return nodeInstructions(verdict.argument, prefix);
  const load: Instruction = { op: 'load', offset: offsets.arguments };
  const yes: Instruction = { op: 'return', value: actions.allow, label: `${prefix}yes` };
  const no: Instruction = { op: 'return', value: actions.errno | errnos.eperm, label: `${prefix}no` };
  if (verdict.kind === 'without') {
    return [load, { op: 'and', mask: verdict.bits }, { op: 'equal', value: 0, no: `${prefix}no` }, yes, no];
  }
  const [hit, miss] = verdict.kind === 'among' ? [yes, no] : [no, yes];
  return [
    load,
    ...verdict.values.map((value): Instruction => ({ op: 'equal', value, yes: hit.label })),
    miss,
    hit,
  ];
}

/** Devices are accepted and not made; everything else is the kernel's. */
function nodeInstructions(argument: number, prefix: string): Instruction[] {
  return [
    { op: 'load', offset: offsets.arguments + argument * 8 },
    { op: 'and', mask: fileTypes.mask },
    { op: 'equal', value: fileTypes.character, yes: `${prefix}yes` },
    { op: 'equal', value: fileTypes.block, yes: `${prefix}yes` },
    { op: 'return', value: actions.allow },
    { op: 'return', value: actions.errno, label: `${prefix}yes` },
  ];
}

const fileTypes = { mask: 0o170000, character: 0o020000, block: 0o060000 } as const;
