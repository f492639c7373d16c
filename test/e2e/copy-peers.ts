/** What other builders are known to do otherwise with random COPY and ADD lines. */
import type { Difference, NamedDifference } from '../helpers/compare-images.js';

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Where one builder refuses on purpose, or by mistake, what the other builds. */
export interface Refusal {
  readonly why: string;
  readonly matches: (ours: Outcome, theirs: Outcome) => boolean;
}

export interface Peer {
  readonly refusals: readonly Refusal[];
  /** Differences between the images that some lines make. */
  readonly differs: (lines: readonly string[]) => readonly NamedDifference[];
}

const overwriting: Refusal = {
  why: 'files that would overwrite each other are an error: the slash behind the destination was forgotten',
  matches: ({ output }) => /would both be copied to/.test(output),
};

export const buildkitPeer: Peer = {
  refusals: [
    overwriting,
    {
      why: 'a folder of the context in which a wildcard matches nothing never reaches BuildKit',
      matches: (_, { output }) => /lstat .*: no such file or directory/.test(output),
    },
    {
      why: 'what a link leads to is not sent to BuildKit where only a wildcard of the context names the link',
      matches: ({ code }, { output }) =>
        code === 0 &&
        />>> (?:COPY|ADD) (?!.*--from=).*"[^"]*[*?[][^"]*"/.test(output) &&
        /failed to calculate checksum of ref .*: not found/.test(output),
    },
  ],
  differs: () => [
    {
      why: 'a folder of the base keeps its time when entries are added to it',
      matches: ({ attribute, ours, theirs }) =>
        attribute === 'mtime' && ours !== 'when built' && theirs === 'when built',
    },
    {
      why: 'hard links between files that one instruction takes stay, also those of different words',
      matches: ({ attribute, ours = '', theirs = '' }) =>
        attribute === 'links' && ours.length > theirs.length,
    },
  ],
};

const setuid = (mode: string | undefined): number => Number.parseInt(mode ?? '0', 8) & 0o6000;

/** Line by line: most of these are differences of one instruction. */
export const buildahPeer: Peer = {
  refusals: [
    overwriting,
    {
      why: 'it refuses a wildcard that matches nothing',
      matches: (_, { output }) => /Rel: can't make|no items matching/.test(output),
    },
    {
      why: 'it cannot write every name',
      matches: (_, { output }) => /archive\/tar: cannot encode header/.test(output),
    },
    {
      why: 'it knows octal modes only',
      matches: (_, { output }) => /parsing chmod /.test(output),
    },
    {
      why: 'several words need a folder, also where they are one file',
      matches: (_, { output }) => /already exists but is not a directory/.test(output),
    },
    {
      why: 'it replaces folders by files and files by folders, in the image and on the way to it',
      matches: ({ output }) => /cannot (?:replace the directory|make the directory|copy)/.test(output),
    },
    {
      why: 'it lays --link over the image without looking, or fails with nothing said',
      matches: ({ code }, { output }) => code === 0 && output.trim() === '',
    },
  ],
  differs: ([line = '']) => [
    { why: 'it knows no ownership of times', matches: ({ attribute }) => attribute === 'mtime' },
    { why: 'it copies hard links apart', matches: ({ attribute }) => attribute === 'links' },
    { why: 'WORKDIR makes no folder', matches: ({ subject }) => subject === 'w' },
    {
      why: 'it drops setuid and setgid',
      matches: ({ attribute, ours, theirs }) =>
        attribute === 'mode' && setuid(ours) !== 0 && setuid(theirs) === 0,
    },
    ...(line.includes('--chmod=') ? [foldersOnTheWay] : []),
    ...(line.includes('--exclude=') ? [excludesFromTheRoot] : []),
    ...(line.includes('.tar') || line.includes('*') || line.includes('[') ? [ownerOfArchives] : []),
    ...(/\[".*","/.test(line) ? [severalMakeAFolder] : []),
  ],
};

const foldersOnTheWay: NamedDifference = {
  why: '--chmod does not reach folders that are made on the way',
  matches: ({ attribute, theirs }: Difference) => attribute === 'mode' && theirs === '0755',
};
const excludesFromTheRoot: NamedDifference = {
  why: '--exclude counts from the root of the context',
  matches: ({ attribute }: Difference) => attribute === 'kind',
};
const ownerOfArchives: NamedDifference = {
  why: 'the folder that an archive is unpacked in gets the owner of the archive’s root',
  matches: ({ attribute }: Difference) => attribute === 'owner',
};
const severalMakeAFolder: NamedDifference = {
  why: 'several words make a folder of a destination without a slash',
  matches: ({ ours, theirs }: Difference) =>
    ours === undefined || theirs === undefined || theirs === 'directory' || theirs === '0755',
};
