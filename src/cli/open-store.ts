import { homedir } from 'node:os';
import { openStore, storeRoot, type Store } from '../store/store.js';
import type { CliContext } from './context.js';

/** Runs `work` on the store that the environment names, and closes it. */
export async function withStore<T>(context: CliContext, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(storeRoot(context.env, context.env['HOME'] || homedir()));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
