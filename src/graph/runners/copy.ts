import type { Recipe } from '../../cache/types.js';
import { contentDigest, changesetContentDigest } from '../../layers/content-digest.js';
import { emptyTree } from '../../layers/tree.js';
import type { CopyOp } from '../ops.js';
import type { Prepared, Runner, Task, Workshop } from '../runner.js';
import type { Vertex } from '../vertex.js';
import { copyChangeset } from './copy-changeset.js';
import { selectSources, type CopyOrigin } from './copy-sources.js';

/** The flags and words of the instruction. */
function opRecipe(op: CopyOp): Recipe {
  return [
    ['op', op.kind],
    ['destination', op.destination],
    ['working directory', op.workdir],
    ['--chown', op.chown ?? ''],
    ['--chmod', op.chmod ?? ''],
    ['--parents', String(op.parents)],
    ['--link', String(op.link)],
    ['unpack', op.unpack],
    ...op.exclude.map((pattern): [string, string] => ['--exclude', pattern]),
    ...op.sources.map(({ pattern, input }): [string, string] => [`source ${input}`, pattern]),
  ];
}

/** Sources from the context or the Dockerfile enter the definition key by their content. */
async function selectionRecipe(vertex: Vertex<CopyOp>, shop: Workshop): Promise<Recipe> {
  const origins = vertex.inputs.map((input) =>
    isInput(input) ? { vertex: input, snapshot: undefined } : undefined,
  );
  const sources = await selectSources(vertex.op, origins, shop);
  return sources.flatMap(({ pattern, selections }) =>
    selections.map(({ path, node }): [string, string] => [
      `files of ${pattern}`,
      `${path}\0${contentDigest(node)}`,
    ]),
  );
}

function isInput({ op }: Vertex): boolean {
  return op.kind === 'context' || op.kind === 'inline';
}

export const copyRunner: Runner<CopyOp> = {
  async definition(vertex, shop) {
    return [...opRecipe(vertex.op), ...(await selectionRecipe(vertex, shop))];
  },

  async prepare(task: Task<CopyOp>): Promise<Prepared> {
    const { op, inputs, vertex, shop } = task;
    const [base] = inputs;
    if (base === undefined) throw new Error('copy has no base');
    const origins = vertex.inputs.map((input, i): CopyOrigin => ({ vertex: input, snapshot: inputs[i] }));
    const sources = await selectSources(op, origins, shop);
    const now = shop.now();
    const onto = op.link ? emptyTree() : await base.tree();
    const { changeset, bodies } = await copyChangeset({ op, base, onto, sources, shop, now });
    return {
      recipe: [
        ['op', 'changeset'],
        ['content', changesetContentDigest(changeset)],
      ],
      make: () => Promise.resolve(shop.layers.fromChangeset(changeset, bodies, now)),
    };
  },
};
