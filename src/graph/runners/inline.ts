import type { Recipe } from '../../cache/types.js';
import type { Body, File, Tree } from '../../layers/types.js';
import { digestOf } from '../../oci/digest.js';
import { toByteString } from '../../util/bytes.js';
import type { InlineOp } from '../ops.js';

/** Files of an `inline` op as a tree, with their bytes: mode 0644, owned by root (BuildKit's heredoc files). */
export function inlineTree(
  op: InlineOp,
  mtime: bigint,
): { readonly tree: Tree; readonly body: (file: File) => Body | undefined } {
  const bodies = new Map<string, Body>();
  const entries = new Map<string, File>();
  for (const { name, content } of op.files) {
    const bytes = Buffer.from(content, 'utf8');
    const digest = digestOf(bytes);
    bodies.set(digest, { kind: 'memory', bytes });
    const meta = { mode: 0o644, uid: 0, gid: 0, mtime };
    entries.set(toByteString(name), { kind: 'file', meta, size: bytes.length, digest });
  }
  const tree: Tree = { kind: 'directory', meta: { mode: 0o755, uid: 0, gid: 0, mtime }, entries };
  return { tree, body: (file) => bodies.get(file.digest) };
}

export function inlineRecipe(op: InlineOp): Recipe {
  return [
    ['op', op.kind],
    ...op.files.map(({ name, content }): [string, string] => [`heredoc ${name}`, content]),
  ];
}
