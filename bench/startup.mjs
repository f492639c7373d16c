/**
 * Start-up times of the command line: medians (minima) in milliseconds over runs that alternate, so that a change of
 * the machine's load meets every variant. Each argument is a launcher to measure; the default is bin/tsbuild.js.
 *
 *   node bench/startup.mjs [--runs N] [LAUNCHER…]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
const runs = args[0] === '--runs' ? Number(args.splice(0, 2)[1]) : 25;
const launchers = args.length > 0 ? args : [fileURLToPath(new URL('../bin/tsbuild.js', import.meta.url))];
const scratch = mkdtempSync(join(tmpdir(), 'tsbuild-startup-'));
writeFileSync(join(scratch, 'Dockerfile'), 'FROM scratch\n');

// NODE_EXTRA_CA_CERTS alone costs about 30 ms on Node 20
const env = { PATH: process.env.PATH, HOME: scratch, TSBUILD_ROOT: join(scratch, 'store') };

const variants = [{ name: 'node -e 0', argv: ['-e', '0'] }];
for (const launcher of launchers) {
  const label = relative(process.cwd(), launcher);
  for (const command of ['--version', '--help', 'build --help', 'build --no-such-option .', 'images']) {
    variants.push({ name: `${label} ${command}`, argv: [launcher, ...command.split(' ')] });
  }
}

const times = new Map(variants.map(({ name }) => [name, []]));
for (let run = 0; run <= runs; run += 1) {
  for (const { name, argv } of variants) {
    const start = process.hrtime.bigint();
    spawnSync(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'], cwd: scratch });
    // the first round warms the caches
    if (run > 0) times.get(name).push(Number(process.hrtime.bigint() - start) / 1e6);
  }
}

let bare;
for (const [name, values] of times) {
  values.sort((a, b) => a - b);
  const median = values[Math.floor(values.length / 2)];
  bare ??= median;
  const numbers = `${median.toFixed(1).padStart(6)} (${values[0].toFixed(1)})`;
  process.stdout.write(
    `${numbers.padEnd(16)} ${`+${(median - bare).toFixed(1)}`.padStart(6)}  x${(median / bare).toFixed(2)}  ${name}\n`,
  );
}
rmSync(scratch, { recursive: true, force: true });
