import { progressKinds, type ProgressKind } from '../progress/kinds.js';
import type { OptionSpec } from './option-table.js';

/** `--progress` of every command that shows progress. */
export const progressOption = {
  kind: 'text',
  value: 'KIND',
  choices: progressKinds,
  describe: `How progress is shown: ${progressKinds.join(', ')} (default auto)`,
} as const satisfies OptionSpec;

/** `--quiet` wins over `--progress`. */
export function progressKind(options: { quiet: boolean; progress: string | undefined }): ProgressKind {
  if (options.quiet) return 'quiet';
  return progressKinds.find((kind) => kind === options.progress) ?? 'auto';
}
