import { TsbuildError } from '../util/errors.js';
import { quoted } from './path.js';

const longestPath = 4096;
const longestName = 255;

/**
 * The components of a path as it stands in an archive, taken as a path below a root: empty components and `.` vanish,
 * `..` goes up but never above the root. Throws `archive` for names that no Linux file system takes.
 */
export function pathComponents(path: string): string[] {
  const components: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') components.pop();
    else components.push(name);
  }
  if (path.length > longestPath || components.some(isTooLong)) {
    throw new TsbuildError('archive', `a name in the archive is too long: ${shown(path)}`);
  }
  return components;
}

/** The name that a whiteout hides may be as long as any. */
function isTooLong(name: string): boolean {
  return name.length > longestName + (name.startsWith('.wh.') ? 4 : 0);
}

/** A foreign name for messages: quoted, escaped and of bounded length. */
export function shown(path: string): string {
  return quoted(path.length > 120 ? `${path.slice(0, 117)}...` : path);
}
