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
import { cpus, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const out = join(project, process.env.TSBUILD_OUT ?? 'dist');
const rounds = Number(process.argv[2] ?? 5) || 5;
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-remote-'));
const { runProgram } = await import(`${out}/test/helpers/programs.js`);
const { startBuildkit, startBuildah } = await import(`${out}/test/helpers/references.js`);
const { startRegistry } = await import(`${out}/test/helpers/registry-server.js`);

const testCache = process.env.TSBUILD_TEST_CACHE ?? join(homedir(), '.cache/tsbuild-test');
const programs = join(testCache, 'references/root/usr/bin');
const path = `${programs}:${programs.replace(/bin$/, 'sbin')}:${process.env.PATH}:/usr/sbin:/sbin`;

/** Asynchronous: the registry waits when nobody reads its log. */
async function run(argv, env = {}) {
  const { code, output } = await runProgram(argv, { env: { PATH: path, ...env }, timeout: 300_000 });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${output}`);
}

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

/** A machine of each builder with nothing on it: `build` builds and pushes, `stop` deletes the machine. */
const builders = {
  tsbuild: () => {
    const root = mkdtempSync(join(folder, 'store-'));
    const launcher =
      process.env.TSBUILD_OUT === undefined
        ? join(project, 'bin/tsbuild.js')
        : join(out, 'test/helpers/run-compiled.js');
    return {
      build: async ({ context }, { image, from, to }) => {
        const caches = [
          ...(from === undefined ? [] : ['--cache-from', from]),
          ...(to === undefined ? [] : ['--cache-to', `type=registry,ref=${to},mode=max`]),
        ];
        await run([process.execPath, launcher, 'build', '-q', '-t', image, '--push', ...caches, context], {
          TSBUILD_ROOT: root,
        });
      },
      stop: () => rmSync(root, { recursive: true, force: true }),
    };
  },
  buildkit: async () => {
    const daemon = await startBuildkit();
    return (
      daemon && {
        build: async ({ context }, { image, from, to }) => {
          const caches = [
            ...(from === undefined ? [] : ['--cache-from', `type=registry,ref=${from}`]),
            ...(to === undefined ? [] : ['--cache-to', `type=registry,ref=${to},mode=max`]),
          ];
          const fixed = [
            '--progress',
            'quiet',
            '--provenance=false',
            '--network',
            'host',
            '--push',
            '-t',
            image,
          ];
          await run(['docker', 'buildx', 'build', ...fixed, ...caches, context], {
            DOCKER_HOST: `unix://${daemon.socket}`,
            DOCKER_CONFIG: join(daemon.folder, 'config'),
          });
        },
        stop: () => daemon.stop(),
      }
    );
  },
  buildah: () => {
    const machine = startBuildah();
    if (machine === undefined) return undefined;
    const policy = join(machine.folder, 'policy.json');
    const places = [
      '--root',
      `${machine.folder}/root`,
      '--runroot',
      `${machine.folder}/run`,
      '--storage-driver',
      'overlay',
    ];
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];
    const sandbox = ['--isolation', 'oci', '--runtime', machine.runtime, '--network', 'host', ...limits];
    const env = {
      CONTAINERS_CONF: join(machine.folder, 'containers.conf'),
      TMPDIR: join(machine.folder, 'tmp'),
    };
    return {
      build: async ({ context }, { image, from, to }) => {
        const repository = (name) => name.replace(/:[^:/]*$/, '');
        const caches = [
          ...(from === undefined ? [] : ['--cache-from', repository(from)]),
          ...(to === undefined ? [] : ['--cache-to', repository(to)]),
        ];
        const fixed = ['--layers', '--tls-verify=false', '--signature-policy', policy, ...sandbox];
        await run(
          [machine.program, ...places, 'build', '-q', ...fixed, ...caches, '-t', image, context],
          env,
        );
        await run(
          [
            machine.program,
            ...places,
            'push',
            '-q',
            '--tls-verify=false',
            '--signature-policy',
            policy,
            image,
          ],
          env,
        );
      },
      stop: () => machine.stop(),
    };
  },
};

const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];

/** Milliseconds of one build on a new machine; undefined where the builder is not there. */
async function timed(name, start, project, options) {
  const machine = await start();
  if (machine === undefined) return undefined;
  try {
    const started = performance.now();
    await machine.build(project, options);
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
      for (const [name, start] of Object.entries(builders)) {
        const repository = `${registry.host}/${name}/${number}-${round}`;
        const cache = `${repository}/cache:main`;
        const time = await timed(name, start, project, { image: `${repository}/app:1`, to: cache });
        if (time === undefined) continue;
        first.set(name, [...(first.get(name) ?? []), time]);
        const again = await timed(name, start, project, { image: `${repository}/app:2`, from: cache });
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
