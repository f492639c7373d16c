import { TsbuildError } from '../util/errors.js';
import type { TreeEditor } from './editor.js';
import { joinPath, quoted, quotedPath } from './path.js';
import { resolve } from './resolve.js';
import type { Metadata, Node } from './types.js';

/**
 * Makes the directory that `path` leads to, and every level that is missing, with `meta`. Symbolic links are followed inside
 * the tree, the last one too, to where they point even when nothing is there. What exists is left as it is.
 * Returns the path without links. Throws `copy` when something that is no directory is in the way.
 */
export function ensureDirectory(editor: TreeEditor, path: string, meta: Metadata): string {
  const found = resolve(editor.root, path);
  const { node } = found.existing;
  if (node.kind !== 'directory') {
    throw new TsbuildError(
      'copy',
      `cannot make the directory ${quotedPath(found.path)}: ${quotedPath(found.existing.path)} is ${describe(node)}`,
    );
  }
  let at = found.existing.path;
  for (const name of found.missing) {
    at = joinPath(at, name);
    editor.set(at, { kind: 'directory', meta, entries: new Map() });
  }
  return at;
}

/** What a node is, for a message: `a file`, `a symbolic link to "x"`. */
export function describe(node: Node): string {
  switch (node.kind) {
    case 'directory':
      return 'a directory';
    case 'file':
      return 'a file';
    case 'symlink':
      return `a symbolic link to ${quoted(node.target)}`;
    case 'device':
      return node.type === 'fifo'
        ? 'a named pipe'
        : `a ${node.type === 'char' ? 'character' : 'block'} device`;
  }
}
