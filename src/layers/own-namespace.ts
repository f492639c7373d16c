import { hasTrustedXattrs, readPrivileges } from '../sys/privileges.js';
import type { OverlayNamespace } from './types.js';

/** The overlay attributes that this process can set: `trusted.` as root of the machine, `user.` otherwise. */
export function ownOverlayNamespace(): OverlayNamespace {
  return hasTrustedXattrs(readPrivileges()) ? 'trusted' : 'user';
}
