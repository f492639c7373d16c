/**
 * Pushes and pulls through docker-registry on the loopback interface with tsbuild, skopeo and buildah, turn by turn, and prints medians as a Markdown table: wall time, processor time, peak memory.
 *
 *   node bench/registry.mjs [ROUNDS] [BYTES]
 *
 * An image with one layer of BYTES (1 GiB), half of it noise, and one with 50 layers of 4 MiB. Each push
 * compresses the layers with gzip for an empty registry; each pull fetches what the same tool pushed into an empty store. Needs a built tsbuild
 * (npm run build), docker-registry, skopeo and buildah; TSBUILD names another launcher.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const launcher = process.env.TSBUILD ?? join(project, 'bin/tsbuild.js');
const rounds = Number(process.argv[2] ?? 3) || 3;
const bytes = Number(process.argv[3] ?? 2 ** 30) || 2 ** 30;
// buildah makes a name of the path, which must be in lower case
const folder = join(tmpdir(), `tsbuild-bench-registry-${process.pid}`);
mkdirSync(folder);
const store = join(folder, 'tsbuild');

/** An empty registry: what one tool pushed, and where it may be mounted from, must not help the next one. */
async function startRegistry(name) {
  const port = await freePort();
  const config = join(folder, 'registry.yml');
  const storage = join(folder, `registry-${name}`);
  writeFileSync(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${storage} } }
http: { addr: "127.0.0.1:${port}", secret: s }
`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  while ((await fetch(`http://${host}/v2/`).catch(() => undefined)) === undefined) {
    if (child.exitCode !== null) throw new Error('docker-registry ended');
    await sleep(20);
  }
  const stop = async () => {
    child.kill();
    await once(child, 'close');
    rmSync(storage, { recursive: true, force: true });
  };
  return { host, stop };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Half noise, half text, in turns of 64 KiB. */
async function writeData(path, size, seed) {
  const file = createWriteStream(path);
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  const text = Buffer.from(
    'a line of text that is like the others, but for its number 0123456789\n'.repeat(1000),
  );
  for (let written = 0; written < size; written += 1 << 17) {
    const chunk = Buffer.concat([noise.update(Buffer.alloc(1 << 16)), text.subarray(0, 1 << 16)]);
    if (!file.write(chunk.subarray(0, Math.min(chunk.length, size - written)))) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

async function writeContext(name, layers, size) {
  const context = join(folder, name);
  mkdirSync(context);
  const lines = ['FROM scratch'];
  for (let i = 0; i < layers; i++) {
    await writeData(join(context, `data${i}`), size, i + 1);
    lines.push(`COPY data${i} /data${i}`);
  }
  writeFileSync(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
  return context;
}

/** Runs a program below /usr/bin/time; seconds and MiB. */
function measured(argv, env = {}) {
  const report = join(folder, 'time');
  const ended = spawnSync('/usr/bin/time', ['-f', '%e %U %S %M', '-o', report, ...argv], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 26,
  });
  if (ended.status !== 0) throw new Error(`${argv.join(' ')} ended with ${ended.status}:\n${ended.stderr}`);
  const [wall, user, system, memory] = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .at(-1)
    .split(' ')
    .map(Number);
  return { wall, cpu: user + system, memory: memory / 1024 };
}

const node = (root, ...args) => [[process.execPath, launcher, ...args], { TSBUILD_ROOT: root }];

function tools(name, layout) {
  const root = join(folder, 'buildah');
  const buildah = ['buildah', '--root', root, '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const fresh = join(folder, 'pulled');
  const empty = () => rmSync(fresh, { recursive: true, force: true });
  const quietly = (...args) => execFileSync(buildah[0], [...buildah.slice(1), ...args], { stdio: 'ignore' });
  return [
    {
      tool: 'tsbuild',
      /** Layers compressed for an earlier push are forgotten. */
      before: () => forgetCompressed(),
      push: (to) => measured(...node(store, 'push', '-q', `bench/${name}`, to)),
      pull: (from) => {
        empty();
        return measured(...node(fresh, 'pull', '-q', from));
      },
    },
    {
      tool: 'skopeo',
      push: (to) =>
        measured([
          'skopeo',
          'copy',
          '-q',
          '--dest-tls-verify=false',
          '--dest-compress-format=gzip',
          `oci:${layout}:x`,
          `docker://${to}`,
        ]),
      pull: (from) => {
        empty();
        return measured([
          'skopeo',
          'copy',
          '-q',
          '--src-tls-verify=false',
          `docker://${from}`,
          `oci:${fresh}:x`,
        ]);
      },
    },
    {
      tool: 'buildah',
      before: () => {
        quietly('rmi', '-af');
        quietly('pull', '-q', `oci:${layout}:x`);
      },
      push: (to) =>
        measured([
          ...buildah,
          'push',
          '-q',
          '--tls-verify=false',
          '--compression-format=gzip',
          imageOf(buildah),
          `docker://${to}`,
        ]),
      pull: (from) => {
        quietly('rmi', '-af');
        return measured([...buildah, 'pull', '-q', '--tls-verify=false', from]);
      },
    },
  ];
}

/** The store keeps compressed layers; a first push has to make them. */
function forgetCompressed() {
  rmSync(join(store, 'layer-gzip'), { recursive: true, force: true });
}

function imageOf(buildah) {
  return execFileSync(buildah[0], [...buildah.slice(1), 'images', '-q'], { encoding: 'utf8' })
    .trim()
    .split('\n')[0];
}

function spread([[file, ...args], env]) {
  return [file, args, { env: { ...process.env, ...env }, stdio: 'ignore' }];
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function row(name, what, tool, results) {
  const cell = (key, digits) => median(results.map((result) => result[key])).toFixed(digits);
  return `| ${name} | ${what} | ${tool} | ${cell('wall', 2)} | ${cell('cpu', 2)} | ${cell('memory', 0)} |`;
}

async function bench(name, layers, size) {
  const context = await writeContext(name, layers, size);
  const build = (...args) => execFileSync(...spread(node(store, ...args)));
  build('build', '-q', '-t', `bench/${name}`, context);
  const layout = join(folder, `${name}-layout`);
  build('build', '-q', '-o', `type=oci,tar=false,compression=uncompressed,name=x,dest=${layout}`, context);
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  for (const manifest of index.manifests) manifest.annotations = { 'org.opencontainers.image.ref.name': 'x' };
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  const all = tools(name, layout);
  const pushes = new Map(all.map(({ tool }) => [tool, []]));
  const pulls = new Map(all.map(({ tool }) => [tool, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { tool, before, push, pull } of all) {
      const { host, stop } = await startRegistry(tool);
      try {
        before?.();
        pushes.get(tool).push(push(`${host}/bench/${name}:x`));
        pulls.get(tool).push(pull(`${host}/bench/${name}:x`));
      } finally {
        await stop();
      }
    }
  }
  rmSync(context, { recursive: true });
  rmSync(layout, { recursive: true });
  return [
    ...[...pushes].map(([tool, results]) => row(name, 'push', tool, results)),
    ...[...pulls].map(([tool, results]) => row(name, 'pull', tool, results)),
  ];
}

try {
  print(`Medians of ${rounds} rounds on ${cpus().length} × ${cpus()[0].model}, Node ${process.version}.\n`);
  print('| image | what | tool | wall s | CPU s | peak MiB |\n| --- | --- | --- | --- | --- | --- |');
  for (const [name, layers, size] of [
    ['one', 1, bytes],
    ['fifty', 50, 4 * 1024 * 1024],
  ])
    print((await bench(name, layers, size)).join('\n'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
