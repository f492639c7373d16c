import type { Recipe } from '../../cache/types.js';
import { changesetContentDigest, contextDigest } from '../../layers/content-digest.js';
import { cleanPath } from '../../layers/path.js';
import { emptyTree } from '../../layers/tree.js';
import type { CopyOp } from '../ops.js';
import type { Prepared, Runner, Task, Workshop } from '../runner.js';
import type { Vertex } from '../vertex.js';
import { selectSources, type CopyOrigin } from './copy-sources.js';
import { isRemote, promisedTimes, remoteRecipe, type RemoteOp } from './remote.js';

/** The flags and words of the instruction. Where a relative destination leads is what counts, not how it was said. */
function opRecipe(op: CopyOp): Recipe {
  return [
    ['op', op.kind],
    ['destination', resolvedDestination(op)],
    ['--chown', op.chown ?? ''],
    ['--chmod', op.chmod ?? ''],
    ['--parents', String(op.parents)],
    ['--link', String(op.link)],
    ['unpack', op.sources.map(({ unpack }) => unpack).join(' ')],
    ...op.exclude.map((pattern): [string, string] => ['--exclude', pattern]),
    ...op.sources.map(({ pattern, input }): [string, string] => [`source ${input}`, pattern]),
  ];
}

/** Absolute and clean; what ends in a slash or a dot is a folder, and ends in a slash. */
function resolvedDestination({ destination, workdir }: CopyOp): string {
  const path = cleanPath(destination.startsWith('/') ? destination : `${workdir}/${destination}`);
  return `/${path}${path !== '' && /(?:^|\/)\.{0,2}$/.test(destination) ? '/' : ''}`;
}

/** Sources from the context or the Dockerfile, which enter the definition key by their content. */
function outsideSources({ inputs, op }: Vertex<CopyOp>, shop: Workshop) {
  const origins = inputs.map((input) =>
    isInput(input) ? { vertex: input, snapshot: undefined } : undefined,
  );
  return selectSources(op, origins, shop);
}

/** Remote sources enter it by what they are now; they are fetched when the copy is done. */
async function ofRemotes(
  { inputs }: Vertex<CopyOp>,
  recipe: (op: RemoteOp, place: number) => Promise<Recipe>,
): Promise<Recipe> {
  const recipes = inputs.map(async ({ op }, i) => (isRemote(op) ? recipe(op, i) : []));
  return (await Promise.all(recipes)).flat();
}

function isInput({ op }: Vertex): boolean {
  return op.kind === 'context' || op.kind === 'inline';
}

export const copyRunner: Runner<CopyOp> = {
  async definition(vertex, shop) {
    const files = (await outsideSources(vertex, shop)).flatMap(({ pattern, selections }) =>
      selections.map(({ path, node }): [string, string] => [
        `files of ${pattern}`,
        `${path}\0${contextDigest(node)}`,
      ]),
    );
    return [
      ...opRecipe(vertex.op),
      ...files,
      ...(await ofRemotes(vertex, (op, place) => remoteRecipe(op, place, shop))),
    ];
  },

  async selections(vertex, shop) {
    const sources = await outsideSources(vertex, shop);
    return sources.flatMap(({ selections }) =>
      selections.map(({ node }) => ({ digest: contextDigest(node), entry: node })),
    );
  },

  async prepare(task: Task<CopyOp>): Promise<Prepared> {
    const { op, inputs, vertex, shop } = task;
    const [base] = inputs;
    if (base === undefined) throw new Error('copy has no base');
    const origins = vertex.inputs.map((input, i): CopyOrigin => ({ vertex: input, snapshot: inputs[i] }));
    const sources = await selectSources(op, origins, shop);
    const now = shop.now();
    const onto = op.link ? emptyTree() : await base.tree();
    const { copyChangeset } = await import('./copy-changeset.js');
    const { changeset, bodies } = await copyChangeset({ op, base, onto, sources, shop, now });
    return {
      recipe: [
        ['op', 'changeset'],
        ['content', changesetContentDigest(changeset)],
        ...(await ofRemotes(vertex, (op, place) => promisedTimes(op, place, shop))),
      ],
      make: () => Promise.resolve(shop.layers.fromChangeset(changeset, bodies, now)),
    };
  },
};
