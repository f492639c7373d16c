/** A function that computes its promise at most once; a failure is forgotten, so that the next call tries again. */
export function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | undefined;
  return () => {
    promise ??= compute().catch((error: unknown) => {
      promise = undefined;
      throw error;
    });
    return promise;
  };
}
