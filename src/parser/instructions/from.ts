import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import type { FromInstruction } from '../types.js';
import { splitBlanks } from '../white-space.js';
import type { RawInstruction } from './raw.js';

const stageName = /^[a-z][a-z0-9\-_.]*$/;

/** `FROM [--platform=p] image [AS name]` */
export function parseFrom(raw: RawInstruction): FromInstruction {
  const words = splitBlanks(raw.args);
  const [image = '', keyword = '', name = ''] = words;
  const named = words.length === 3 && keyword.toUpperCase() === 'AS';
  if (words.length !== 1 && !named) {
    throw new InstructionError('FROM requires either one or three arguments', {
      hint: 'write FROM image or FROM image AS name',
    });
  }
  const platform = new Flags(raw.flags, { platform: 'string' }).string('platform');
  return { kind: 'FROM', ...raw.base, image, platform, as: named ? checkedName(name) : undefined };
}

function checkedName(name: string): string {
  const lower = name.toLowerCase();
  if (stageName.test(lower)) return lower;
  throw new InstructionError(`invalid name for build stage: ${JSON.stringify(name)}`, {
    hint: "name can't start with a number or contain symbols other than - _ and .",
  });
}
