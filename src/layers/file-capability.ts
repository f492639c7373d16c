/** The extended attribute of file capabilities. */
export const capabilityXattr = 'security.capability';

const revisionMask = 0xff00_0000;
const revision2 = 0x0200_0000;
const revision3 = 0x0300_0000;

/**
 * A capability as an image holds it. In a user namespace the kernel stores revision 3, which names the namespace's root
 * (linux/capability.h, struct vfs_ns_cap_data); outside of it that id means nothing, so it becomes revision 2.
 */
export function portableCapability(value: Uint8Array): Uint8Array {
  const bytes = Buffer.from(value);
  if (bytes.length !== 24 || (bytes.readUInt32LE(0) & revisionMask) >>> 0 !== revision3) return value;
  bytes.writeUInt32LE(((bytes.readUInt32LE(0) & ~revisionMask) | revision2) >>> 0, 0);
  return Uint8Array.from(bytes.subarray(0, 20));
}
