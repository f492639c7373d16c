/**
 * Times whole builds of tsbuild, a current BuildKit and buildah on one machine, turn by turn, and prints medians and
 * their ratios as a Markdown table: cold, unchanged, one file changed, and pushed to a registry on the loopback
 * interface. BuildKit's daemon is running before the time starts.
 *
 *   node bench/build.mjs [ROUNDS]
 *
 * Needs root, a built tsbuild and compiled tests (npm run build), what scripts/install-test-needs.sh installs, and the
 * references of scripts/install-references.sh; a builder that is not there is left out.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machines, run } from './machines.mjs';

const project = fileURLToPath(new URL('..', import.meta.url));
const rounds = Number(process.argv[2] ?? 5) || 5;
const out = process.env.TSBUILD_OUT ?? 'dist';
const { startRegistry } = await import(join(project, out, 'test/helpers/registry-server.js'));
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-'));

/** A multi-stage build with a Debian base, a thousand small files, three RUN steps and a slim result. */
async function writeContext() {
  const base = await run([join(project, 'scripts/make-bases.sh'), 'debian']);
  const context = join(folder, 'context');
  mkdirSync(join(context, 'src'), { recursive: true });
  copyFileSync(join(base, 'rootfs.tar.gz'), join(context, 'rootfs.tar.gz'));
  for (let index = 0; index < 1000; index++) {
    writeFileSync(join(context, 'src', `module-${index}.py`), `value = ${index}\n`.repeat(1 + (index % 50)));
  }
  writeFileSync(join(context, 'main.py'), 'print("built")\n');
  writeFileSync(
    join(context, 'Dockerfile'),
    `FROM scratch AS debian
ADD rootfs.tar.gz /
FROM debian AS build
WORKDIR /app
COPY src src
RUN mkdir dist && cat src/*.py > dist/all.py && python3 -c "open('dist/sum', 'w').write(str(sum(range(10**6))))"
COPY main.py ./
RUN python3 main.py > dist/log && cp main.py dist/
FROM debian
RUN useradd --uid 999 app
COPY --from=build /app/dist /app
USER app
CMD ["python3", "/app/main.py"]
`,
  );
  return context;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function timed(action) {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

const context = await writeContext();
const registry = await startRegistry();
const running = new Map();
try {
  const restart = async (name) => {
    await running.get(name)?.stop();
    running.set(name, await machines[name]());
  };
  for (const name of Object.keys(machines)) await restart(name);
  const names = Object.keys(machines).filter((name) => running.get(name) !== undefined);
  const times = new Map();
  const image = (name, round) => `${registry.host}/${name}/bench:${round}`;
  const build = (name, round, push = false) =>
    running.get(name).build(context, { image: image(name, round), push });
  const change = (round) =>
    writeFileSync(join(context, 'main.py'), `print("built", ${Math.random()}, ${round})\n`);
  const emptyRegistry = () => rmSync(registry.storage, { recursive: true, force: true });
  const workloads = [
    ['cold', restart, build],
    ['no change', () => undefined, build],
    ['one file changed', (_, round) => change(round), build],
    [
      'cold, pushed',
      async (name) => {
        await restart(name);
        emptyRegistry();
      },
      (name, round) => build(name, round, true),
    ],
    ['one file changed, pushed', (_, round) => change(round), (name, round) => build(name, round, true)],
  ];
  for (let round = 0; round < rounds; round++) {
    for (const [workload, before, action] of workloads) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        await before(name, round);
        const key = `${workload} ${name}`;
        times.set(key, [...(times.get(key) ?? []), await timed(() => action(name, round))]);
        registry.requests(); // its log would be kept
        process.stderr.write(`${round + 1}/${rounds} ${key}\n`);
      }
    }
  }
  const peers = names.filter((name) => name !== 'tsbuild');
  const versions = names.map((name) => running.get(name).version).join(', ');
  const lines = [
    `${versions}, Node ${process.versions.node}, ${cpus().length} cores; medians of ${rounds}, in ms`,
    '',
    `| workload | ${names.join(' | ')} | ${peers.map((peer) => `${peer} ÷ tsbuild`).join(' | ')} |`,
    `|---|${'---:|'.repeat(names.length + peers.length)}`,
  ];
  for (const [workload] of workloads) {
    const of = (name) => median(times.get(`${workload} ${name}`));
    const ratios = peers.map((peer) => (of(peer) / of('tsbuild')).toFixed(1));
    lines.push(`| ${workload} | ${[...names.map((name) => of(name).toFixed(0)), ...ratios].join(' | ')} |`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
} finally {
  for (const machine of running.values()) await machine?.stop();
  await registry.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
