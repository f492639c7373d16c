/**
 * Times builds on machines whose store is empty, by tsbuild, a current BuildKit and buildah, turn by turn in one run:
 * first one that writes all steps to a cache in a registry, then one that takes every step from there; both push the
 * image to the same registry. Prints medians and ratios as a Markdown table. Starting a daemon is not counted.
 *
 *   node bench/cache-remote.mjs [ROUNDS]
 *
 * Needs root, a static busybox, docker-registry, compiled tests (npm run build; TSBUILD_OUT names another folder than
 * dist), and the references of scripts/install-references.sh; a builder that is not there is left out.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machines } from './machines.mjs';

const project = fileURLToPath(new URL('..', import.meta.url));
const out = join(project, process.env.TSBUILD_OUT ?? 'dist');
const rounds = Number(process.argv[2] ?? 5) || 5;
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-remote-'));
const { startRegistry } = await import(`${out}/test/helpers/registry-server.js`);

const head = `FROM scratch AS base
COPY busybox /bin/busybox
COPY busybox /bin/sh
`;

/** A build stage with a large result that the image copies, and small steps on both sides. */
function makeProject(name, steps, megabytes) {
  const context = join(folder, name);
  mkdirSync(context);
  copyFileSync('/bin/busybox', join(context, 'busybox'));
  const half = Array.from({ length: steps >> 1 }, (_, i) => `RUN echo ${i} > /f${i}`).join('\n');
  const data = `RUN /bin/busybox dd if=/dev/urandom of=/data bs=1M count=${megabytes} 2>/dev/null`;
  const last = `FROM base\n${half}\nCOPY --from=build /data /data\n`;
  writeFileSync(join(context, 'Dockerfile'), `${head}FROM base AS build\n${data}\n${half}\n${last}`);
  return { name, context };
}

const projects = [makeProject('6 steps, 20 MB', 4, 20), makeProject('60 steps, 20 MB', 58, 20)];

const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];

/** Milliseconds of one build on a new machine; undefined where the builder is not there. */
async function timed(start, { context }, options) {
  const machine = await start();
  if (machine === undefined) return undefined;
  try {
    const started = performance.now();
    await machine.build(context, { ...options, push: true });
    return performance.now() - started;
  } finally {
    await machine.stop();
  }
}

const registry = await startRegistry();
try {
  const print = (line) => process.stdout.write(`${line}\n`);
  print(`${rounds} rounds on ${cpus().length} × ${cpus()[0]?.model}; medians in milliseconds\n`);
  print(
    '| project | builder | first build, written to the cache | ratio | empty store, every step from the cache | ratio |',
  );
  print('|---|---|---:|---:|---:|---:|');
  for (const [number, project] of projects.entries()) {
    const first = new Map();
    const cached = new Map();
    for (let round = 0; round < rounds; round++) {
      for (const [name, start] of Object.entries(machines)) {
        const repository = `${registry.host}/${name}/${number}-${round}`;
        const cache = `${repository}/cache:main`;
        const time = await timed(start, project, { image: `${repository}/app:1`, to: cache });
        if (time === undefined) continue;
        first.set(name, [...(first.get(name) ?? []), time]);
        const again = await timed(start, project, { image: `${repository}/app:2`, from: cache });
        cached.set(name, [...(cached.get(name) ?? []), again]);
        registry.requests();
      }
    }
    const ratio = (times, name) => (median(times.get(name)) / median(times.get('tsbuild'))).toFixed(1);
    for (const name of first.keys()) {
      const row = [first, cached].map(
        (times) => `${median(times.get(name)).toFixed(0)} | ${ratio(times, name)}×`,
      );
      print(`| ${project.name} | ${name} | ${row.join(' | ')} |`);
    }
  }
} finally {
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
}
