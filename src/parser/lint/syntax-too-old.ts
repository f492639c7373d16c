import { parseChmod } from '../chmod.js';
import type { Instruction, MountOption } from '../types.js';
import { finding, instructionsOf, type Rule } from './rule.js';
import { isKnownSyntax } from './unknown-syntax.js';

/** What a minor version of docker/dockerfile:1 brought. */
interface Feature {
  readonly name: string;
  readonly since: number;
  readonly isUsed: (instruction: Instruction) => boolean;
}

const features: readonly Feature[] = [
  { name: 'env= of a secret mount', since: 10, isUsed: (each) => mountsOf(each).some(isSecretVariable) },
  { name: 'a symbolic --chmod', since: 14, isUsed: (each) => isCopy(each) && isSymbolic(each.chmod) },
  { name: 'ADD --unpack', since: 17, isUsed: (each) => each.kind === 'ADD' && each.unpack !== undefined },
  { name: '--exclude', since: 19, isUsed: (each) => isCopy(each) && each.exclude.length > 0 },
  { name: 'COPY --parents', since: 20, isUsed: (each) => each.kind === 'COPY' && each.parents },
  { name: 'RUN --security', since: 20, isUsed: (each) => each.kind === 'RUN' && each.security !== 'sandbox' },
];

/** Ours: the frontend that the file names would refuse it, where another builder runs that frontend. */
export const syntaxTooOld: Rule = {
  name: 'SyntaxTooOld',
  description: 'The version of the syntax directive should have the features that the file uses',
  *check(dockerfile) {
    const { syntax = '' } = dockerfile.directives;
    const [, minor] = /:1\.(\d+)(?:\.\d+)?(?:@|$)/.exec(syntax) ?? [];
    if (minor === undefined || !isKnownSyntax(syntax)) return;
    for (const instruction of instructionsOf(dockerfile)) {
      for (const { name, since, isUsed } of features) {
        if (since <= Number(minor) || !isUsed(instruction)) continue;
        const message = `docker/dockerfile:1.${minor} does not know ${name}: it came with 1.${since}`;
        yield finding(instruction, message, 'write # syntax=docker/dockerfile:1, which is the newest');
      }
    }
  },
};

function isCopy(instruction: Instruction): instruction is Extract<Instruction, { kind: 'ADD' | 'COPY' }> {
  return instruction.kind === 'ADD' || instruction.kind === 'COPY';
}

function mountsOf(instruction: Instruction): readonly MountOption[] {
  return instruction.kind === 'RUN' ? instruction.mounts : [];
}

function isSecretVariable({ type, options }: MountOption): boolean {
  return type === 'secret' && options.some(([key]) => key === 'env');
}

function isSymbolic(chmod: string | undefined): boolean {
  return chmod !== undefined && chmod !== '' && !chmod.includes('$') && parseChmod(chmod).octal === undefined;
}
