import { TsbuildError } from '../util/errors.js';

/** The permission bits (0 to 07777) that a file gets, from those it has. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/** A mode as a function, because symbolic modes depend on what they change. */
export interface ParsedChmod {
  readonly apply: ModeChange;
  /** The mode when the text was octal: it then also counts for parents that COPY makes. */
  readonly octal: number | undefined;
}

/**
 * A `--chmod` value: octal 0 to 07777, or the symbolic form of chmod(1) with an umask of 0 (`u=rwX,go-w`,
 * `g=u`, `+x`, `u+s`, `+t`). An octal mode replaces all bits, of directories too. `=` on a directory keeps
 * its set-id bits unless they are named, as GNU chmod does.
 *
 * @throws TsbuildError `dockerfile` for anything else
 */
export function parseChmod(text: string): ParsedChmod {
  if (/^[0-7]+$/.test(text)) {
    const octal = Number.parseInt(text, 8);
    if (octal > 0o7777) throw invalid(text);
    return { octal, apply: () => octal };
  }
  const actions = text.split(',').flatMap((clause) => parseClause(clause, text));
  const apply: ModeChange = (mode, isDirectory) =>
    actions.reduce((bits, action) => change(bits, action, isDirectory), mode & 0o7777);
  return { octal: undefined, apply };
}

/** @throws TsbuildError as `parseChmod` does */
export function checkChmod(text: string): void {
  parseChmod(text);
}

function invalid(text: string): TsbuildError {
  return new TsbuildError('dockerfile', `invalid chmod parameter: ${JSON.stringify(text)}`, {
    hint: 'write an octal mode such as 755, or a symbolic one such as u=rwX,go=rX',
  });
}

interface Action {
  /** Bits that the letters before the operator stand for. */
  readonly affected: number;
  readonly operator: string;
  /** `rwxXst` letters, or one of `u`, `g`, `o` to copy from. */
  readonly permissions: string;
}

const classes: ReadonlyMap<string, number> = new Map([
  ['u', 0o4700],
  ['g', 0o2070],
  ['o', 0o1007],
  ['a', 0o7777],
]);

function parseClause(clause: string, text: string): Action[] {
  const [, who = '', rest = ''] = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause) ?? [];
  if (rest === '') throw invalid(text);
  const affected = Array.from(who || 'a').reduce((bits, letter) => bits | (classes.get(letter) ?? 0), 0);
  return Array.from(rest.matchAll(/([-+=])([ugo]|[rwxXst]*)/g), ([, operator = '', permissions = '']) => ({
    affected,
    operator,
    permissions,
  }));
}

function change(mode: number, action: Action, isDirectory: boolean): number {
  const wanted = bitsOf(mode, action, isDirectory) & action.affected;
  switch (action.operator) {
    case '+':
      return mode | wanted;
    case '-':
      return mode & ~wanted;
    default:
      return (mode & ~clearedBits(action, isDirectory)) | wanted;
  }
}

/** The bits that `=` clears first. */
function clearedBits({ affected, permissions }: Action, isDirectory: boolean): number {
  return isDirectory && !permissions.includes('s') ? affected & ~0o6000 : affected;
}

const letters: ReadonlyMap<string, number> = new Map([
  ['r', 0o444],
  ['w', 0o222],
  ['x', 0o111],
  ['s', 0o6000],
  ['t', 0o1000],
]);

function bitsOf(mode: number, { permissions }: Action, isDirectory: boolean): number {
  const copied = 'ugo'.indexOf(permissions);
  if (permissions !== '' && copied >= 0) return ((mode >> (6 - 3 * copied)) & 7) * 0o111;
  let bits = 0;
  for (const letter of permissions) {
    if (letter !== 'X') bits |= letters.get(letter) ?? 0;
    else if (isDirectory || (mode & 0o111) !== 0) bits |= 0o111;
  }
  return bits;
}
