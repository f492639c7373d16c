import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';

/** Refuses what the command line can say and a build cannot do: nothing is accepted and ignored. */
export function refuseUnsupported(request: BuildRequest): void {
  const refused: readonly (readonly [flag: string, given: boolean])[] = [
    ['--platform with several platforms', request.platforms.length > 1],
  ];
  const found = refused.find(([, given]) => given);
  if (found !== undefined) {
    throw new TsbuildError('unsupported', `${found[0]} is not supported`, {
      hint: 'leave it out: tsbuild refuses what it would otherwise have to ignore',
    });
  }
}
