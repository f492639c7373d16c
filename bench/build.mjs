/**
 * Times whole builds of tsbuild and buildah on one machine, turn by turn, and prints medians and their ratio as a
 * Markdown table: cold, cached, one file changed, pushed to a registry on the loopback interface.
 *
 *   node bench/build.mjs [ROUNDS] [--system-buildah]
 *
 * Needs root, a built tsbuild (npm run build) and what scripts/install-test-needs.sh installs; buildah is the
 * release of scripts/install-references.sh where that is there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const rounds = Number(process.argv[2] ?? 5) || 5;
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-'));

function run(argv, options = {}) {
  const [file, ...args] = argv;
  const ended = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (ended.status !== 0) {
    throw new Error(
      `${argv.join(' ')} ended with ${ended.status}:\n${ended.stdout}\n${ended.stderr}${ended.error ?? ''}`,
    );
  }
  return ended.stdout.trim();
}

/** A multi-stage build with a Debian base, a thousand small files, three RUN steps and a slim result. */
function writeContext() {
  const base = run([join(project, 'scripts/make-bases.sh'), 'debian']);
  const context = join(folder, 'context');
  mkdirSync(join(context, 'src'), { recursive: true });
  run(['cp', join(base, 'rootfs.tar.gz'), context]);
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

function tsbuild(context) {
  const env = { ...process.env, TSBUILD_ROOT: join(folder, 'tsbuild') };
  const command = (args) =>
    run([process.execPath, join(project, 'bin/tsbuild.js'), ...args], { env, cwd: folder });
  return {
    name: 'tsbuild',
    version: command(['--version']),
    forget: () => rmSync(env.TSBUILD_ROOT, { recursive: true, force: true }),
    build: () => command(['build', '--progress', 'plain', '-t', 'localhost/bench', context]),
    push: (name) => {
      command(['tag', 'localhost/bench', name]);
      command(['push', name]);
    },
  };
}

function buildah(context) {
  const unpacked = join(
    process.env.TSBUILD_TEST_CACHE ?? join(process.env.HOME ?? '/root', '.cache/tsbuild-test'),
    'references/root/usr/bin/buildah',
  );
  const program = existsSync(unpacked) && !process.argv.includes('--system-buildah') ? unpacked : 'buildah';
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const state = join(folder, 'buildah');
  const places = [
    '--root',
    join(state, 'root'),
    '--runroot',
    join(state, 'run'),
    '--storage-driver',
    'overlay',
  ];
  const env = { ...process.env, TMPDIR: folder };
  const command = (args) => run([program, ...places, ...args], { env, cwd: folder });
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];
  const sandbox = ['--isolation', 'oci', '--runtime', 'runc', '--network', 'host', ...limits];
  const build = ['build', '--layers', '--signature-policy', policy, ...sandbox];
  return {
    name: 'buildah',
    version: run([program, '--version']).replace(/ \(.*/, ''),
    forget: () => {
      const mounts = run([
        'sh',
        '-c',
        `awk -v p=${state}/ 'index($5, p) == 1 { print $5 }' /proc/self/mountinfo`,
      ]);
      for (const mount of mounts.split('\n').filter(Boolean).reverse()) run(['umount', '-l', mount]);
      rmSync(state, { recursive: true, force: true });
    },
    build: () => command([...build, '-t', 'localhost/bench', context]),
    push: (name) =>
      command([
        'push',
        '--signature-policy',
        policy,
        '--tls-verify=false',
        'localhost/bench',
        `docker://${name}`,
      ]),
  };
}

async function startRegistry() {
  const config = join(folder, 'registry.yml');
  const storage = join(folder, 'registry');
  const text = `version: 0.1\nstorage: {filesystem: {rootdirectory: ${storage}}, delete: {enabled: true}}\nhttp: {addr: "127.0.0.1:0"}\n`;
  writeFileSync(config, text);
  const child = spawn('docker-registry', ['serve', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  let log = '';
  const port = await new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      log += chunk;
      const found = /listening on 127\.0\.0\.1:(\d+)/.exec(log);
      if (found !== null) resolve(found[1]);
    });
    child.once('exit', () => reject(new Error(`docker-registry ended:\n${log}`)));
  });
  return { host: `127.0.0.1:${port}`, storage, stop: () => child.kill() };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function timed(action) {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

const context = writeContext();
const registry = await startRegistry();
try {
  const builders = [tsbuild(context), buildah(context)];
  const times = new Map();
  const note = (workload, builder, milliseconds) => {
    const key = `${workload}\0${builder.name}`;
    times.set(key, [...(times.get(key) ?? []), milliseconds]);
  };
  const workloads = [
    ['cold', (builder) => builder.forget(), (builder) => builder.build()],
    [
      'push',
      () => rmSync(registry.storage, { recursive: true, force: true }),
      (builder, round) => builder.push(`${registry.host}/${builder.name}/bench:${round}`),
    ],
    ['cached', () => undefined, (builder) => builder.build()],
    [
      'one file changed',
      (_, round) => writeFileSync(join(context, 'main.py'), `print("built", ${Math.random()}, ${round})\n`),
      (builder) => builder.build(),
    ],
  ];
  for (let round = 0; round < rounds; round++) {
    for (const [workload, before, action] of workloads) {
      const turn = round % 2 === 0 ? builders : [...builders].reverse();
      for (const builder of turn) {
        before(builder, round);
        note(
          workload,
          builder,
          timed(() => action(builder, round)),
        );
        process.stderr.write(`${round + 1}/${rounds} ${workload} ${builder.name}\n`);
      }
    }
  }
  const [ours, theirs] = builders;
  const lines = [
    `${ours.version}, ${theirs.version}, Node ${process.versions.node}, ${cpus().length} cores; medians of ${rounds}, in ms`,
    '',
    '| workload | tsbuild | buildah | buildah ÷ tsbuild |',
    '|---|---:|---:|---:|',
  ];
  for (const [workload] of workloads) {
    const [a, b] = [ours, theirs].map(({ name }) => median(times.get(`${workload}\0${name}`)));
    lines.push(`| ${workload} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(b / a).toFixed(1)} |`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  for (const builder of builders) builder.forget();
} finally {
  registry.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
