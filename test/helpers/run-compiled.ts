/** The command line as tsc compiled it, for test runs that have an output folder of their own (TSBUILD_OUT). */
import { main } from '../../src/cli/main.js';

await main();
