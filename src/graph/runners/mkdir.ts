import { resolveOwner } from '../../executor/users.js';
import { changesetContentDigest } from '../../layers/content-digest.js';
import { makeDirectory } from '../../layers/mkdir.js';
import { TsbuildError } from '../../util/errors.js';
import type { MkdirOp } from '../ops.js';
import type { Prepared, Runner, Task } from '../runner.js';
import { accountFiles } from './account-files.js';

export const mkdirRunner: Runner<MkdirOp> = {
  async definition({ op }) {
    return [
      ['op', op.kind],
      ['path', op.path],
      ['user', op.user],
    ];
  },

  async prepare({ op, inputs, shop }: Task<MkdirOp>): Promise<Prepared> {
    const [base] = inputs;
    if (base === undefined) throw new Error('mkdir has no base');
    const { uid, gid } = resolveOwner(op.user, op.user === '' ? {} : await accountFiles(base));
    const now = shop.now();
    const changeset = makeDirectory(await base.tree(), op.path, {
      mode: 0o755,
      uid,
      gid,
      now: BigInt(now) * 1_000_000n,
    });
    return {
      recipe: [
        ['op', 'changeset'],
        ['content', changesetContentDigest(changeset)],
      ],
      make: () => Promise.resolve(shop.layers.fromChangeset(changeset, noBodies, now)),
    };
  },
};

/** A directory layer holds no files. */
export function noBodies(): never {
  throw new TsbuildError('store', 'a layer of directories was asked for the bytes of a file');
}
