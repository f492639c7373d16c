import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import type { OnbuildInstruction, StageInstruction } from '../types.js';
import { lexInstruction, requireArguments, type RawInstruction } from './raw.js';

/**
 * `ONBUILD instruction`. The stored trigger is the instruction's text and the bodies of its heredocs, each
 * ended by its delimiter, so that it can be parsed again by itself.
 */
export function parseOnbuild(
  raw: RawInstruction,
  parse: (trigger: RawInstruction) => StageInstruction,
): OnbuildInstruction {
  requireArguments(raw);
  new Flags(raw.flags, {});
  const lexed = lexInstruction(raw.args, raw.escape);
  checkTriggerKeyword(lexed.keyword);
  const bodies = raw.heredocs.map(({ content, name }) => `\n${content}${name}`);
  const instruction = parse({ ...raw, ...lexed, base: { ...raw.base, text: raw.args } });
  return { kind: 'ONBUILD', ...raw.base, trigger: raw.args + bodies.join(''), instruction };
}

/** @throws InstructionError for the instructions that cannot be triggers */
export function checkTriggerKeyword(keyword: string): void {
  if (keyword === 'ONBUILD')
    throw new InstructionError("chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (keyword === 'FROM' || keyword === 'MAINTAINER') {
    throw new InstructionError(`${keyword} isn't allowed as an ONBUILD trigger`);
  }
}
