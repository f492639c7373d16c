import { parseGoDuration } from '../duration.js';
import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import type { HealthcheckInstruction } from '../types.js';
import { trimStart } from '../white-space.js';
import { parseCommand } from './commands.js';
import { requireArguments, type RawInstruction } from './raw.js';

const flags = {
  interval: 'string',
  timeout: 'string',
  'start-period': 'string',
  'start-interval': 'string',
  retries: 'string',
} as const;

/** `HEALTHCHECK NONE` or `HEALTHCHECK [options] CMD command` */
export function parseHealthcheck(raw: RawInstruction): HealthcheckInstruction {
  requireArguments(raw);
  const [type = ''] = raw.args.split(/\s/, 1);
  const rest = trimStart(raw.args.slice(type.length));
  const base = { kind: 'HEALTHCHECK', ...raw.base } as const;
  switch (type.toUpperCase()) {
    case 'NONE':
      new Flags(raw.flags, {});
      if (rest !== '') throw new InstructionError('HEALTHCHECK NONE takes no arguments');
      return { ...base, test: 'NONE' };
    case 'CMD':
      return { ...base, test: healthCommand(rest), ...options(new Flags(raw.flags, flags)) };
    default:
      throw new InstructionError(`unknown type ${JSON.stringify(type)} in HEALTHCHECK`, {
        hint: 'try CMD or NONE',
      });
  }
}

function healthCommand(text: string): ReturnType<typeof parseCommand> {
  const command = parseCommand(text);
  const empty = command.form === 'shell' ? command.text === '' : command.argv.length === 0;
  if (empty) throw new InstructionError('missing command after HEALTHCHECK CMD');
  return command;
}

type Options = Pick<
  HealthcheckInstruction,
  'interval' | 'timeout' | 'startPeriod' | 'startInterval' | 'retries'
>;

function options(given: Flags): Options {
  return {
    interval: duration(given, 'interval'),
    timeout: duration(given, 'timeout'),
    startPeriod: duration(given, 'start-period'),
    startInterval: duration(given, 'start-interval'),
    retries: retries(given.string('retries')),
  };
}

const oneMillisecond = 1e6;

function duration(given: Flags, flag: string): number | undefined {
  const text = given.string(flag);
  if (text === undefined || text === '') return undefined;
  const nanoseconds = flagDuration(flag, text);
  if (nanoseconds === 0 || nanoseconds >= oneMillisecond) return nanoseconds;
  throw new InstructionError(`--${flag} cannot be less than 1ms`, { part: { flag } });
}

function flagDuration(flag: string, text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    if (!(error instanceof InstructionError)) throw error;
    const { message, hint } = error;
    throw new InstructionError(`--${flag}: ${message}`, { hint, part: { flag } });
  }
}

function retries(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const count = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count >= 0 && count < 2 ** 31) return count;
  throw new InstructionError(`--retries must be a number from 0 to 2147483647, not ${JSON.stringify(text)}`, {
    part: { flag: 'retries' },
  });
}
