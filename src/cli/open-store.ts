import { homedir } from 'node:os';
import { openStore, storeRoot, type Store } from '../store/store.js';
import type { CliContext } from './context.js';

/** The store that the environment names. The caller closes it. */
export function openStoreOf({ env }: CliContext): Promise<Store> {
  return openStore(storeRoot(env, env['HOME'] || homedir()));
}

/** Runs `work` on the store that the environment names, and closes it. */
export async function withStore<T>(context: CliContext, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStoreOf(context);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
