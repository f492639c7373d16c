/**
 * Zstandard in WebAssembly, for versions of Node without their own. A file of its own, to be imported when it is
 * needed: it imports the library by name, which works for CommonJS in a bundle as well; `import()` of the library gives
 * other names there.
 */
import { compress, init } from '@bokuweb/zstd-wasm';
import { once } from '../util/once.js';

/** Gives the compressor: a block and a level, 1 to 22. Made once: a second start would take its memory from frames under way. */
export const portableZstd = once(async () => {
  await init();
  return compress;
});
