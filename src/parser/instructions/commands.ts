import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import { parseJsonForm } from '../json-form.js';
import type { CmdInstruction, Command, EntrypointInstruction, ShellInstruction } from '../types.js';
import { requireArguments, type RawInstruction } from './raw.js';

/** A JSON array of strings is an argument vector; anything else, even nearly JSON, is a shell line. */
export function parseCommand(text: string): Command {
  const argv = parseJsonForm(text);
  return argv === undefined ? { form: 'shell', text } : { form: 'exec', argv };
}

/**
 * `CMD ["a"]` or `CMD line`. `CMD []` clears an inherited command; an empty line is given to the shell like
 * any other.
 */
export function parseCmd(raw: RawInstruction): CmdInstruction {
  new Flags(raw.flags, {});
  return { kind: 'CMD', ...raw.base, command: parseCommand(raw.args) };
}

/** `ENTRYPOINT`, in the forms of CMD. */
export function parseEntrypoint(raw: RawInstruction): EntrypointInstruction {
  new Flags(raw.flags, {});
  return { kind: 'ENTRYPOINT', ...raw.base, command: parseCommand(raw.args) };
}

/** `SHELL ["program", "argument"]`: the only instruction that has no shell form. */
export function parseShell(raw: RawInstruction): ShellInstruction {
  requireArguments(raw);
  new Flags(raw.flags, {});
  const argv = parseJsonForm(raw.args);
  if (argv === undefined) {
    throw new InstructionError('SHELL requires the arguments to be in JSON form', {
      hint: 'write for example SHELL ["/bin/bash", "-c"]',
    });
  }
  if (argv.length === 0) throw new InstructionError('SHELL requires at least one argument');
  return { kind: 'SHELL', ...raw.base, argv };
}
