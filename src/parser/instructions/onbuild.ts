import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import { withoutContinuation } from '../logical-lines.js';
import type { OnbuildInstruction, StageInstruction } from '../types.js';
import { trim } from '../white-space.js';
import { lexInstruction, requireArguments, type RawInstruction } from './raw.js';

/** The escape character of a trigger: the child image knows nothing of the directive of this file. */
export const triggerEscape = '\\';

/**
 * `ONBUILD instruction`. The stored trigger is the instruction's text and the bodies of its heredocs, each
 * ended by its delimiter, so that it can be parsed again by itself. It is checked as the child image will read it.
 */
export function parseOnbuild(
  raw: RawInstruction,
  parse: (trigger: RawInstruction) => StageInstruction,
): OnbuildInstruction {
  requireArguments(raw);
  new Flags(raw.flags, {});
  const continued = withoutContinuation(raw.args, triggerEscape);
  if (continued !== undefined && raw.heredocs.length > 0) {
    throw new InstructionError('the line of an ONBUILD with a heredoc cannot end with a backslash');
  }
  const text = trim(continued ?? raw.args);
  const lexed = lexInstruction(text, triggerEscape);
  checkTriggerKeyword(lexed.keyword);
  const bodies = raw.heredocs.map(({ content, name }) => `\n${content}${name}`);
  const instruction = parse({
    ...raw,
    ...lexed,
    escape: triggerEscape,
    base: { ...raw.base, text },
  });
  return { kind: 'ONBUILD', ...raw.base, trigger: raw.args + bodies.join(''), instruction };
}

/** @throws InstructionError for the instructions that cannot be triggers */
export function checkTriggerKeyword(keyword: string): void {
  if (keyword === 'ONBUILD')
    throw new InstructionError("chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", {
      hint: 'write one ONBUILD: a trigger runs in the next image only',
    });
  if (keyword === 'FROM' || keyword === 'MAINTAINER') {
    throw new InstructionError(`${keyword} isn't allowed as an ONBUILD trigger`, {
      hint: 'a trigger is any instruction but FROM, MAINTAINER and ONBUILD',
    });
  }
}
