/** Waits for the first of results that are made side by side, and takes it away. */
export async function takeFirst(running: Promise<Uint8Array>[]): Promise<Uint8Array> {
  const [first] = running;
  const result = (await first) ?? Buffer.alloc(0);
  void running.shift();
  return result;
}
