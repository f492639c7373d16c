/**
 * Times rebuilds in which nothing changed, by tsbuild, a current BuildKit and buildah, turn by turn in one run, and
 * prints medians and ratios as a Markdown table. Each rebuild exports its image: an OCI archive, buildah a folder.
 *
 *   node bench/cache.mjs [ROUNDS]
 *
 * Needs root, a static busybox, compiled tests (npm run build; TSBUILD_OUT names another folder than dist), and the
 * references of scripts/install-references.sh; a builder that is not there is left out.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const out = join(project, process.env.TSBUILD_OUT ?? 'dist');
const rounds = Number(process.argv[2] ?? 5) || 5;
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-cache-'));
const { startBuildkit, startBuildah, forget } = await import(`${out}/test/helpers/references.js`);

const head = `FROM scratch
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
`;
const runs = (count) => Array.from({ length: count }, (_, i) => `RUN echo ${i} > /f${i}`).join('\n');

/** A folder with a Dockerfile and what it copies. */
function makeProject(name, dockerfile, files = 0) {
  const context = join(folder, name);
  mkdirSync(context);
  copyFileSync('/bin/busybox', join(context, 'busybox'));
  for (let i = 0; i < files; i++) {
    const below = join(context, 'src', String(i % 500));
    if (i < 500) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `${i}.txt`), `file ${i}\n`.repeat(1 + (i % 20)));
  }
  writeFileSync(join(context, 'Dockerfile'), head + dockerfile);
  return { name, context };
}

const projects = [
  makeProject('5 steps', runs(4)),
  makeProject('60 steps', runs(59)),
  makeProject('50,000 files', 'COPY src /src\nRUN echo 1 > /f', 50_000),
];

function tsbuild() {
  const env = { ...process.env, TSBUILD_ROOT: join(folder, 'store') };
  let count = 0;
  return {
    name: 'tsbuild',
    build: async ({ context }) => {
      const image = join(folder, `image-${++count}.tar`);
      const launcher =
        process.env.TSBUILD_OUT === undefined
          ? join(project, 'bin/tsbuild.js')
          : join(out, 'test/helpers/run-compiled.js');
      const argv = [launcher, 'build', '--progress', 'plain', '-o', `type=oci,dest=${image}`, context];
      const { status, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' });
      return { code: status, image, stderr };
    },
    stop: async () => undefined,
  };
}

async function timed(builder, context) {
  const started = performance.now();
  const { code, image, stderr } = await builder.build({ context, fresh: false });
  const time = performance.now() - started;
  forget(image);
  if (code !== 0) throw new Error(`${builder.name} ended with ${code}: ${stderr}`);
  return time;
}

const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
const builders = [tsbuild(), await startBuildkit(), startBuildah()].filter(Boolean);
try {
  const print = (line) => process.stdout.write(`${line}\n`);
  print(`${rounds} rounds on ${cpus().length} × ${cpus()[0]?.model}; medians in milliseconds\n`);
  print(`| no change | ${builders.map(({ name }) => name).join(' | ')} | ratios |`);
  print(`|---|${'---|'.repeat(builders.length + 1)}`);
  for (const { name, context } of projects) {
    const times = new Map(builders.map((builder) => [builder, []]));
    for (const builder of builders) await timed(builder, context);
    for (let round = 0; round < rounds; round++) {
      for (const builder of builders) times.get(builder).push(await timed(builder, context));
    }
    const medians = builders.map((builder) => median(times.get(builder)));
    const ratios = medians.slice(1).map((time) => `${(time / medians[0]).toFixed(1)}×`);
    print(`| ${name} | ${medians.map((time) => time.toFixed(0)).join(' | ')} | ${ratios.join(', ')} |`);
  }
} finally {
  for (const builder of builders) await builder.stop();
  rmSync(folder, { recursive: true, force: true });
}
