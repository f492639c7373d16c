import { resolveInImage, type LowerView } from './lower-view.js';
import type { StepMount } from './types.js';

const folder = '/etc/apt/apt.conf.d';

/**
 * What programs of an image need where one id is all there is. apt downloads as another user and checks that it has become
 * that one, which no filter can make it believe: it is told to stay root. The file is in no layer.
 */
export async function singleIdMounts(view: LowerView): Promise<StepMount[]> {
  const found = await resolveInImage(view, folder).catch(() => undefined);
  if (found?.node?.kind !== 'directory') return [];
  const bytes = Buffer.from('APT::Sandbox::User "root";\n');
  return [{ kind: 'file', target: `${folder}/zz-tsbuild-single-id`, bytes, mode: 0o644 }];
}
