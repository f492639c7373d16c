import { chompTabs, heredocMarker } from './heredoc.js';
import type { Heredoc, RunInstruction } from './types.js';

/**
 * What a RUN gives to its shell.
 *
 * - `line`: one argument for the shell (`/bin/sh -c <text>`): the command line, the body of a RUN that is
 *   only a heredoc, or the command line with all bodies behind it, which the shell then reads as heredocs.
 * - `file`: the body of a RUN that is only a heredoc and begins with `#!`: a file (0755) that the shell
 *   starts by path.
 * - `exec`: an argument vector.
 */
export type RunScript =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'exec'; readonly argv: readonly string[] };

/** Decides what the shell of a RUN is given; SHELL itself is put in front by the caller. */
export function runScript({ command, heredocs }: RunInstruction): RunScript {
  if (command.form === 'exec') return { kind: 'exec', argv: command.argv };
  const [first] = heredocs;
  if (first === undefined) return { kind: 'line', text: command.text };
  if (heredocMarker(command.text) === undefined) {
    const bodies = heredocs.map(({ content, name }) => `\n${content}${name}`);
    return { kind: 'line', text: command.text + bodies.join('') };
  }
  const text = heredocBody(first);
  return text.startsWith('#!') ? { kind: 'file', name: first.name, text } : { kind: 'line', text };
}

/** A heredoc's content as it counts: tabs at the beginning of lines removed for `<<-`. */
export function heredocBody({ content, chomp }: Heredoc): string {
  return chomp ? chompTabs(content) : content;
}
