import type { Store } from '../../store/store.js';
import { TsbuildError } from '../../util/errors.js';
import { defineCommand } from '../define-command.js';
import { shownName } from '../../progress/shown-name.js';
import { findReferences } from '../find-image.js';
import { withStore } from '../open-store.js';

export const rmi = defineCommand({
  name: 'rmi',
  summary: 'Remove names of images; tsbuild cache prune then frees what has no name left',
  positionals: 'IMAGE...',
  arity: [1, Infinity],
  options: {
    force: {
      kind: 'flag',
      short: 'f',
      describe: 'Remove all names of an id, and do not mind what is not there',
    },
  },
  async run({ options, positionals }, context) {
    await withStore(context, async (store) => {
      for (const text of positionals) {
        for (const name of await namesToRemove(store, text, options.force)) {
          if (await store.references.delete(name)) context.stdout.write(`untagged ${shownName(name)}\n`);
        }
      }
    });
    return 0;
  },
});

async function namesToRemove(store: Store, text: string, force: boolean): Promise<readonly string[]> {
  try {
    const names = (await findReferences(store, text)).map(({ name }) => name);
    if (names.length < 2 || force) return names;
    throw new TsbuildError('image', `image ${JSON.stringify(text)} has ${names.length} names`, {
      hint: `remove them by name, or all with --force: ${names.map(shownName).join(' ')}`,
    });
  } catch (error) {
    if (force && error instanceof TsbuildError && error.code === 'image') return [];
    throw error;
  }
}
