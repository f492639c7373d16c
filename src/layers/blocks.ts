/** Cuts the source into full blocks; the last one may be shorter, and is empty only when the source is. */
export async function* equalBlocks(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ readonly block: Buffer; readonly last: boolean }, void> {
  let block = Buffer.allocUnsafeSlow(size);
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      if (used === size) {
        yield { block, last: false };
        block = Buffer.allocUnsafeSlow(size);
        used = 0;
      }
      const part = chunk.subarray(at, at + size - used);
      block.set(part, used);
      used += part.length;
      at += part.length;
    }
  }
  yield { block: block.subarray(0, used), last: true };
}
