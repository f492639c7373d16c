/**
 * Tests run as compiled JavaScript; TSBUILD_OUT names another output folder than `dist`. TSBUILD_TAP=true prints
 * TAP, whose totals .ci/run reads.
 */
const out = process.env.TSBUILD_OUT ?? 'dist';

export default {
  files: [`${out}/test/**/*.test.js`],
  workerThreads: false, // process.umask and process.chdir throw in worker threads
  concurrency: 2,
  timeout: '5m',
  tap: process.env.TSBUILD_TAP === 'true',
};
