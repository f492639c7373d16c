/** Bytes of a block that are looked at, spread over all of it. */
const sampleSize = 1 << 14;

/** Bits of information per byte of so large a sample of random bytes are 7.99; of programs and texts 4 to 7.8. */
const most = 7.95;

/**
 * Whether a block looks like random bytes, as archives, pictures and what is encrypted do: nothing but a repetition in
 * it could be made smaller. Depends on the bytes only.
 */
export function looksRandom(block: Uint8Array): boolean {
  if (block.length < sampleSize) return false;
  const counts = new Uint32Array(256);
  // Odd, so that it meets every byte of records whose size is a power of two.
  const step = Math.floor(block.length / sampleSize) | 1;
  let total = 0;
  for (let at = 0; at < block.length; at += step) {
    const byte = block[at] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
    total += 1;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total);
  return bits > most;
}
