import type { LowerRequest } from '../graph/lower/lowering.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildContext } from './build-context.js';

/** Name of the build argument and of the ARG before the first FROM. */
export const epochName = 'SOURCE_DATE_EPOCH';

/** Latest time that image configurations can hold: the end of the year 9999. */
const latest = 253_402_300_799;

/**
 * The time of an image in seconds since 1970: the value of SOURCE_DATE_EPOCH, which may be `context` for that of the
 * commit or the download that the build context is. Undefined for no value. Throws `usage` for any other text, and for
 * a context that has no time of its own.
 */
export async function epochOf(
  text: string | undefined,
  context: BuildContext | undefined,
): Promise<number | undefined> {
  if (text === undefined || text === '') return undefined;
  if (text === 'context') return contextTime(context);
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds <= latest) return seconds;
  throw new TsbuildError('usage', `${epochName} is not a time: ${JSON.stringify(text)}`, {
    hint: 'give whole seconds since 1970, or context for the time of a commit or a download',
  });
}

async function contextTime(context: BuildContext | undefined): Promise<number> {
  const time = await context?.time?.();
  if (time !== undefined) return time;
  throw new TsbuildError(
    'usage',
    `${epochName}=context needs a build context that has a time: a git or an http URL`,
    { hint: `for a folder give the seconds, such as ${epochName}=$(git log -1 --format=%ct)` },
  );
}

/** The build arguments with the epoch as seconds, so that an ARG of that name never says `context`. */
export function withEpoch(
  buildArgs: LowerRequest['buildArgs'],
  epoch: number | undefined,
): LowerRequest['buildArgs'] {
  if (epoch === undefined) return buildArgs;
  return new Map([...buildArgs, [epochName, String(epoch)]]);
}
