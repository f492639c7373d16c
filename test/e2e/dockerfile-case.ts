/** A Dockerfile that tsbuild and the reference builders must build alike, and what is known to differ. */
import type { NamedDifference } from '../helpers/compare-images.js';
import type { FileOf } from '../helpers/scratch.js';

export interface DockerfileCase {
  readonly name: string;
  readonly dockerfile: string;
  /** Lines before the first FROM. */
  readonly global?: string;
  /** Whether stage `base` is put in front: a busybox with the users root, app (1000) and nobody. */
  readonly base?: false;
  readonly files?: Readonly<Record<string, FileOf>>;
  /** Shell commands run in the context once the files are there: links, modes, archives. */
  readonly prepare?: string;
  /** `{context}` stands for the folder that the files make. */
  readonly args?: readonly string[];
  /** What is built in place of the folder that the files make: a URL, or `-` for `input`. */
  readonly context?: string;
  /** Standard input of the builders. */
  readonly input?: Uint8Array;
  /** Further keys of `--output`. */
  readonly output?: { readonly ours?: string; readonly buildkit?: string };
  readonly env?: Readonly<Record<string, string>>;
  readonly buildah?: Expected;
  readonly buildkit?: Expected;
  /** What tsbuild must say where it cannot do this yet, rather than ignore what was asked. */
  readonly refused?: RegExp;
}

/** What a reference does otherwise, or why it is not asked. */
export type Expected = readonly NamedDifference[] | { readonly leftOut: string };

/** A difference in files whose path matches (and whose attribute does). */
export function inTree(why: string, subject: RegExp, attribute?: RegExp): NamedDifference {
  return {
    why,
    matches: (difference) =>
      difference.section === 'tree' &&
      subject.test(difference.subject) &&
      (attribute === undefined || attribute.test(difference.attribute)),
  };
}

/** A difference in which files there are, in the image and in its layers. */
export function inFiles(why: string, path: RegExp): NamedDifference {
  return {
    why,
    matches: ({ section, subject, attribute }) =>
      (section === 'tree' && path.test(subject)) || (section === 'layer' && path.test(attribute)),
  };
}

/** A difference in members of the config. */
export function inConfig(why: string, subject: RegExp): NamedDifference {
  return { why, matches: ({ section, subject: own }) => section === 'config' && subject.test(own) };
}

/** The text that the builders are given. */
export function dockerfileOf({ dockerfile, global, base }: DockerfileCase): string {
  const preamble = base === false ? [] : ['FROM scratch AS base', 'ADD rootfs.tar /'];
  return [...(global === undefined ? [] : [global]), ...preamble, dockerfile, ''].join('\n');
}

/** A folder with modes and depth, for the cases that copy one. */
export const sampleFolder: Readonly<Record<string, FileOf>> = {
  'd/one.txt': 'one\n',
  'd/two.txt': { content: 'two\n', mode: 0o600 },
  'd/run.sh': { content: '#!/bin/sh\necho run\n', mode: 0o755 },
  'd/sub/three.txt': 'three\n',
  'd/sub/deep/four.txt': 'four\n',
};
