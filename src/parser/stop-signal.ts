import { InstructionError } from './instruction-error.js';
import { didYouMean } from './suggest.js';

const names = (
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP ' +
  'TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
).split(' ');

/** Linux: 1 to 64, real-time signals 34 to 64. */
const lastSignal = 64;

/**
 * Checks a STOPSIGNAL after its variables are expanded: a number, or a name with or without `SIG`, in any
 * case.
 *
 * @throws TsbuildError `dockerfile` for a signal that Linux does not have
 */
export function checkStopSignal(signal: string): void {
  if (isSignal(signal)) return;
  throw new InstructionError(`invalid signal: ${JSON.stringify(signal)}`, {
    hint:
      didYouMean(
        signal.toUpperCase(),
        names.map((name) => `SIG${name}`),
      ) ?? 'write for example SIGTERM or 15',
  });
}

function isSignal(signal: string): boolean {
  if (/^\d{1,4}$/.test(signal)) return Number(signal) >= 1 && Number(signal) <= lastSignal;
  const name = signal.toUpperCase().replace(/^SIG/, '');
  const [, base = '', offset = ''] = /^(RTMIN\+|RTMAX-)(\d{1,2})$/.exec(name) ?? [];
  if (base === '') return names.includes(name);
  const distance = Number(offset);
  return distance >= 1 && distance <= (base === 'RTMIN+' ? 15 : 14);
}
