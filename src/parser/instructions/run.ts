import { parseDevice } from '../device.js';
import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import { parseMountOptions } from '../mounts.js';
import { didYouMean } from '../suggest.js';
import type { RunInstruction } from '../types.js';
import { parseCommand } from './commands.js';
import { requireArguments, type RawInstruction } from './raw.js';

const flags = { mount: 'list', network: 'string', security: 'string', device: 'list' } as const;
const networks = ['default', 'none', 'host'] as const;
const securities = ['sandbox', 'insecure'] as const;

/**
 * `RUN [flags] command`. Variables in the command are the shell's business; only mounts are expanded by the
 * builder.
 */
export function parseRun(raw: RawInstruction): RunInstruction {
  requireArguments(raw);
  const given = new Flags(raw.flags, flags);
  const command = parseCommand(raw.args);
  if (command.form === 'exec' && command.argv.length === 0) {
    throw new InstructionError('RUN requires at least one argument');
  }
  return {
    kind: 'RUN',
    ...raw.base,
    command,
    heredocs: raw.heredocs,
    mounts: given.list('mount').map((text) => parseMountOptions(text)),
    network: oneOf(networks, { flag: 'network', value: given.string('network') }) ?? 'default',
    security: oneOf(securities, { flag: 'security', value: given.string('security') }) ?? 'sandbox',
    devices: given.list('device').map(parseDevice),
  };
}

function oneOf<T extends string>(
  allowed: readonly T[],
  { flag, value }: { readonly flag: string; readonly value: string | undefined },
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new InstructionError(`unsupported ${flag} mode ${JSON.stringify(value)}`, {
    hint: didYouMean(value, allowed) ?? `write one of ${allowed.join(', ')}`,
    part: { flag },
  });
}
