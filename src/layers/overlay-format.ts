import type { OverlayNamespace } from './types.js';

/** Attributes that overlayfs itself gives a meaning to, in either namespace. */
export function isOverlayXattr(name: string): boolean {
  return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}

/** The attribute that makes a directory hide what lies below it; its value is `y`. */
export function opaqueXattr(namespace: OverlayNamespace): string {
  return `${namespace}.overlay.opaque`;
}

/**
 * Whether an attribute belongs to a layer: overlayfs's own attributes could forge whiteouts and redirects, and SELinux
 * labels belong to the host.
 */
export function isLayerXattr(name: string): boolean {
  return !isOverlayXattr(name) && name !== 'security.selinux';
}
