import { runScript } from '../run-script.js';
import { finding, instructionsOf, type Rule } from './rule.js';

/** Ours: a shell goes on after a failed line of a heredoc, so only the last line's failure fails the step. */
export const heredocWithoutErrexit: Rule = {
  name: 'HeredocWithoutErrexit',
  description: 'A RUN heredoc of several commands should begin with set -e',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'RUN' || instruction.heredocs.length === 0) continue;
      const script = runScript(instruction);
      if (script.kind !== 'line' || instruction.command.form === 'exec') continue;
      if (script.text.startsWith(instruction.command.text)) continue;
      if (!ignoresFailures(script.text)) continue;
      yield finding(
        instruction,
        'Only the last command of this heredoc decides whether the step fails',
        'begin the heredoc with set -e',
      );
    }
  },
};

function ignoresFailures(script: string): boolean {
  const commands = script.split('\n').filter((line) => /^\s*[^#\s]/.test(line));
  return commands.length > 1 && !/^\s*set\s+(?:-\w*e|-o\s+errexit)/m.test(script);
}
