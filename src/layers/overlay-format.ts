import type { OverlayNamespace } from './types.js';

/** Attributes that overlayfs itself gives a meaning to, in either namespace, and those of the plain form. */
export function isOverlayXattr(name: string): boolean {
  return ['trusted.overlay.', 'user.overlay.', 'user.tsbuild.'].some((prefix) => name.startsWith(prefix));
}

/** Marks an empty file as a whiteout in the plain form; its value is `y`. */
export const plainWhiteoutXattr = 'user.tsbuild.whiteout';

/** The attribute that makes a directory hide what lies below it; its value is `y`. */
export function opaqueXattr(namespace: OverlayNamespace): string {
  return namespace === 'plain' ? 'user.tsbuild.opaque' : `${namespace}.overlay.opaque`;
}

/**
 * Whether an attribute belongs to a layer: overlayfs's own attributes could forge whiteouts and redirects, and SELinux
 * labels belong to the host.
 */
export function isLayerXattr(name: string): boolean {
  return !isOverlayXattr(name) && name !== 'security.selinux';
}
