import { statfsSync } from 'node:fs';
import { hasTrustedXattrs, readPrivileges } from '../sys/privileges.js';
import { bytePath } from '../util/bytes.js';
import type { OverlayNamespace } from './types.js';

/** OVERLAYFS_SUPER_MAGIC (linux/magic.h). */
const overlayMagic = 0x794c7630;

/**
 * The attributes that directory forms have below `place` (a byte string): `trusted.` as root of the machine, `user.`
 * otherwise, and plain ones on an overlay.
 */
export function ownOverlayNamespace(place: string): OverlayNamespace {
  if (isOverlay(place)) return 'plain';
  return hasTrustedXattrs(readPrivileges()) ? 'trusted' : 'user';
}

/** Whether a path lies on an overlay, which can hold neither whiteouts nor the upper of another one. */
export function isOverlay(place: string): boolean {
  return statfsSync(bytePath(place)).type === overlayMagic;
}
