import { escapeControls } from '../progress/escape.js';
import type { Command, CommandSpec } from './command.js';
import type { CliContext } from './context.js';
import type { OptionTable } from './option-table.js';
import { parseArgs } from './parse-args.js';

/** Gives a command its parser and `--help`. */
export function defineCommand<T extends OptionTable>(spec: CommandSpec<T>): Command {
  const main = async (args: readonly string[], context: CliContext): Promise<number> => {
    const parsed = parseArgs(spec, args);
    if (parsed === 'help') {
      const { helpText } = await import('./help-text.js');
      context.stdout.write(`${await helpText(spec, context.stdout.columns ?? 100)}\n`);
      return 0;
    }
    const { warnings, ...input } = parsed;
    for (const warning of warnings) context.stderr.write(`warning: ${escapeControls(warning)}\n`);
    if (!spec.touchesLayers) return spec.run(input, context);
    const { inNamespace } = await import('./in-namespace.js');
    return inNamespace('auto', context, () => spec.run(input, context));
  };
  return { ...spec, main };
}
