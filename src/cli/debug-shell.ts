import type { OnFailedStep } from '../executor/types.js';
import type { CliContext } from './context.js';
import { ownTerminal } from './own-terminal.js';

/**
 * `--debug-shell`: lends the terminal to a shell in the first step that fails, after `stopProgress`. Throws `usage` where
 * there is no terminal.
 */
export function debugShell(context: CliContext, stopProgress: () => void): OnFailedStep {
  const terminal = ownTerminal(context);
  const { stdout, stderr } = context;
  let started = false;
  return async (startShell) => {
    if (started) return;
    started = true;
    stopProgress();
    stderr.write(
      'The step failed; this is a shell in it. What you change is discarded; the build ends with it.\n',
    );
    try {
      await terminal.enter();
      await startShell({ input: terminal.input, onOutput: (_, chunk) => void stdout.write(chunk) });
    } finally {
      terminal.leave();
    }
  };
}
