/** The decoder of one bzip2 block inside unbzip2-stream: its stream has no back-pressure and so no defence against bombs. */
declare module 'unbzip2-stream/lib/bzip2.js' {
  /** Reads up to 32 bits, most significant first; `null` aligns to a byte. */
  export type Bits = (count: number | null) => number;
  const decoder: {
    /** Reads the head of a stream; returns the block size in units of 100,000 bytes. */
    header(bits: Bits): number;
    /** Decodes one block and returns the running checksum, or null after the stream's end. */
    decompress(
      bits: Bits,
      sink: (byte: number) => void,
      memory: Int32Array,
      size: number,
      checksum: number,
    ): number | null;
  };
  export default decoder;
}
