import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.js';
import { TsbuildError } from '../../util/errors.js';
import { defineCommand } from '../define-command.js';
import { findReferences } from '../find-image.js';
import { withStore } from '../open-store.js';

export const tag = defineCommand({
  name: 'tag',
  summary: 'Give an image of the store another name',
  positionals: 'IMAGE NAME...',
  arity: [2, Infinity],
  options: {},
  async run({ positionals: [image = '', ...names] }, context) {
    const targets = names.map(newName);
    await withStore(context, async (store) => {
      const [found] = await findReferences(store, image);
      if (found === undefined) return;
      for (const name of targets) await store.references.set(name, found.target);
    });
    return 0;
  },
});

function newName(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest === undefined) return formatReference(reference);
  throw new TsbuildError('usage', `a name to give cannot have a digest: ${JSON.stringify(text)}`);
}
