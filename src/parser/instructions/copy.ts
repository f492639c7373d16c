import { Flags, type FlagKind } from '../flags.js';
import { heredocMarker } from '../heredoc.js';
import { InstructionError } from '../instruction-error.js';
import { parseJsonForm } from '../json-form.js';
import { checkChmod } from '../chmod.js';
import type { AddInstruction, CopyInstruction, Heredoc } from '../types.js';
import { splitBlanks } from '../white-space.js';
import type { RawInstruction } from './raw.js';

const common = {
  chown: 'string',
  chmod: 'string',
  link: 'boolean',
  exclude: 'list',
} as const satisfies Record<string, FlagKind>;
const copyFlags = { ...common, from: 'string', parents: 'boolean' } as const;
const addFlags = { ...common, checksum: 'string', 'keep-git-dir': 'boolean', unpack: 'boolean' } as const;

/**
 * `COPY [flags] source… destination`, as words or as a JSON array. Sources may be heredocs in the word form.
 */
export function parseCopy(raw: RawInstruction): CopyInstruction {
  const flags = new Flags(raw.flags, copyFlags);
  return {
    kind: 'COPY',
    ...raw.base,
    ...paths(raw),
    ...commonFlags(flags),
    from: checkedFrom(flags.string('from')),
    parents: flags.boolean('parents') ?? false,
  };
}

/** `ADD`, like COPY; what a source is (path, URL, repository) is decided after expansion. */
export function parseAdd(raw: RawInstruction): AddInstruction {
  const flags = new Flags(raw.flags, addFlags);
  return {
    kind: 'ADD',
    ...raw.base,
    ...paths(raw),
    ...commonFlags(flags),
    checksum: flags.string('checksum'),
    keepGitDir: flags.boolean('keep-git-dir'),
    unpack: flags.boolean('unpack'),
  };
}

function commonFlags(flags: Flags): Pick<CopyInstruction, 'chown' | 'chmod' | 'link' | 'exclude'> {
  const chmod = flags.string('chmod');
  if (chmod !== undefined && chmod !== '' && !chmod.includes('$')) checkChmod(chmod);
  return {
    chown: flags.string('chown'),
    chmod,
    link: flags.boolean('link') ?? false,
    exclude: flags.list('exclude'),
  };
}

/** An empty name counts as none. */
function checkedFrom(from: string | undefined): string | undefined {
  if (from === undefined || from === '') return undefined;
  if (!/\$./.test(from)) return from;
  throw new InstructionError('variable expansion is not supported for --from', {
    hint: 'define a new stage with FROM using an ARG from global scope, and copy from that stage',
    part: { flag: 'from' },
  });
}

interface Paths {
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly destination: string;
}

function paths(raw: RawInstruction): Paths {
  const json = parseJsonForm(raw.args);
  const words = json ?? splitBlanks(raw.args);
  const destination = words.at(-1);
  if (destination === undefined || words.length < 2) {
    throw new InstructionError(`${raw.keyword} requires at least two arguments: sources and a destination`, {
      hint: `write for example ${raw.keyword} source /destination/`,
    });
  }
  if (json !== undefined) return { sources: words.slice(0, -1), heredocs: [], destination };
  if (heredocMarker(destination) !== undefined) {
    throw new InstructionError(`${raw.keyword} cannot accept a heredoc as a destination`, {
      hint: 'put the path of the file behind the heredoc',
    });
  }
  const sources = words.slice(0, -1).filter((word) => heredocMarker(word) === undefined);
  if (words.length - 1 - sources.length !== raw.heredocs.length) {
    throw new InstructionError(`a heredoc of ${raw.keyword} must be one word without blanks`, {
      hint: 'write <<NAME',
    });
  }
  raw.heredocs.forEach(checkFileName);
  return { sources, heredocs: raw.heredocs, destination };
}

/** The delimiter names the file that is made. */
function checkFileName({ name }: Heredoc): void {
  if (name !== '.' && name !== '..' && !name.includes('/')) return;
  throw new InstructionError(`a heredoc named ${JSON.stringify(name)} cannot be a file of that name`, {
    hint: 'take a delimiter without / and give the path as the destination',
  });
}
