import { writeFileSync } from 'node:fs';
import { applyAttributes } from '../sys/attributes.js';
import { makeNodes } from '../sys/nodes.js';
import { bytePath } from '../util/bytes.js';
import { plainWhiteoutXattr } from './overlay-format.js';
import type { OverlayNamespace } from './types.js';

/** Makes whiteouts at paths (absolute byte strings) that must not exist: devices, or marked files in the plain form. */
export async function makeWhiteouts(paths: readonly string[], namespace: OverlayNamespace): Promise<void> {
  if (namespace !== 'plain') {
    await makeNodes(paths.map((path) => ({ path, type: 'char', mode: 0, major: 0, minor: 0 })));
    return;
  }
  for (const path of paths) writeFileSync(bytePath(path), '', { flag: 'wx', mode: 0o600 });
  const xattrs = new Map([[plainWhiteoutXattr, Buffer.from('y')]]);
  await applyAttributes(paths.map((path) => ({ path, xattrs })));
}
