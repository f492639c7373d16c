import type { BuildInput } from '../build/build.js';
import { hostPlatform } from '../oci/platform.js';
import type { BuildRequest } from './build-request.js';

/** The images of one request: its target for each of its platforms. */
export function variantsOf({
  target,
  platforms,
}: Pick<BuildRequest, 'target' | 'platforms'>): BuildInput['variants'] {
  const [first = hostPlatform(), ...others] = platforms;
  return [{ target, platform: first }, ...others.map((platform) => ({ target, platform }))];
}
