import { capability, idCount, may, type Privileges } from '../sys/privileges.js';
import type { Mode } from './types.js';

/** Modes that run steps in namespaces. */
export type NamespaceMode = 'rootful' | 'rootless' | 'single-id';

/** Which ids a user namespace has: a range of them, or none but root, who is the present user. */
export type NamespaceKind = 'rootless' | 'single-id';

/** The mode that a process with these privileges is in already; undefined when it may not make namespaces. Pure. */
export function presentMode(privileges: Privileges): NamespaceMode | undefined {
  if (privileges.uid !== 0 || !may(privileges, capability.SYS_ADMIN)) return undefined;
  if (privileges.initial) return 'rootful';
  return idCount(privileges.users) > 1 ? 'rootless' : 'single-id';
}

/** User namespaces to try for a mode, the best one first; none when the present one serves. Pure. */
export function namespacesFor(isolation: 'auto' | Mode, privileges: Privileges): readonly NamespaceKind[] {
  const present = presentMode(privileges);
  if (isolation === 'auto') return present === undefined ? ['rootless', 'single-id'] : [];
  if (isolation !== 'rootless' && isolation !== 'single-id') return [];
  return isolation === present ? [] : [isolation];
}
