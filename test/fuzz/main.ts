/**
 * `npm run fuzz`: each part for ten minutes, or for FUZZ_SECONDS; `npm run fuzz parser` one part; FUZZ_SEED repeats a
 * run. Ends with 1 and the smallest input that was found when a law breaks, or with the seed when 500 inputs take more
 * than ten seconds of processor time. A hang is a run that does not end: the last line names the law before it.
 */
import fc from 'fast-check';
import { properties, type FuzzProperty } from './properties.js';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '600');
const firstSeed = Number(process.env['FUZZ_SEED'] ?? String(Date.now() % 1_000_000));
/** In microseconds; other programs on the machine do not count. */
const longest = 10_000_000;
const batch = 500;

/** Runs one law until its time is over; the inputs so far. */
async function run({ part, title, property }: FuzzProperty, until: number): Promise<number> {
  let runs = 0;
  for (let seed = firstSeed; performance.now() < until; seed++) {
    const began = process.cpuUsage();
    const result = await fc.check(property, { seed, numRuns: batch });
    runs += result.numRuns;
    if (result.failed) {
      const { counterexample, errorInstance } = result;
      process.stderr.write(
        `${part}: ${title}: seed ${seed}: ${JSON.stringify(counterexample)} ${String(errorInstance)}\n`,
      );
      process.exit(1);
    }
    const { user, system } = process.cpuUsage(began);
    if (user + system > longest) {
      process.stderr.write(`${part}: ${title}: seed ${seed}: ${batch} inputs took ${user + system} µs\n`);
      process.exit(1);
    }
  }
  return runs;
}

const parts = ['parser', 'expansion', 'ignore'] as const;
const wanted = process.argv.slice(2);

for (const part of parts.filter((each) => wanted.length === 0 || wanted.includes(each))) {
  const laws = properties.filter((each) => each.part === part);
  for (const each of laws) {
    const runs = await run(each, performance.now() + (seconds * 1000) / laws.length);
    process.stdout.write(`${part}: ${each.title}: ${runs} inputs from seed ${firstSeed}\n`);
  }
}
