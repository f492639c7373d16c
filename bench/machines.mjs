/** Machines of each builder with nothing on them, to time the same builds on: a store, or a daemon, of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const out = join(project, process.env.TSBUILD_OUT ?? 'dist');
const { runProgram } = await import(`${out}/test/helpers/programs.js`);
const { startBuildkit, startBuildah } = await import(`${out}/test/helpers/references.js`);

const testCache = process.env.TSBUILD_TEST_CACHE ?? join(homedir(), '.cache/tsbuild-test');
const programs = join(testCache, 'references/root/usr/bin');
const path = `${programs}:${programs.replace(/bin$/, 'sbin')}:${process.env.PATH}:/usr/sbin:/sbin`;

/** Output of a command; asynchronous, so that servers of this process go on. Throws when it fails. */
export async function run(argv, env = {}) {
  const { code, output } = await runProgram(argv, { env: { PATH: path, ...env }, timeout: 300_000 });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${output}`);
  return output.trim();
}

/**
 * Starts a machine of each kind; undefined where the builder is not there. `build(context, { image, push, from, to })`
 * builds an image and gives it a name; `push` sends it there, `from` and `to` are references of remote caches.
 */
export const machines = { tsbuild, buildkit, buildah };

async function tsbuild() {
  const root = mkdtempSync(join(tmpdir(), 'tsbuild-bench-store-'));
  const launcher =
    process.env.TSBUILD_OUT === undefined
      ? join(project, 'bin/tsbuild.js')
      : join(out, 'test/helpers/run-compiled.js');
  const command = (args) => run([process.execPath, launcher, ...args], { TSBUILD_ROOT: root });
  return {
    version: await command(['--version']),
    build: (context, { image, push = false, from, to }) =>
      command([
        'build',
        '--progress=plain',
        `--tag=${image}`,
        ...(push ? ['--push'] : []),
        ...(from === undefined ? [] : ['--cache-from', from]),
        ...(to === undefined ? [] : ['--cache-to', `type=registry,ref=${to},mode=max`]),
        context,
      ]),
    stop: () => rmSync(root, { recursive: true, force: true }),
  };
}

async function buildkit() {
  const daemon = await startBuildkit();
  if (daemon === undefined) return undefined;
  const env = {
    DOCKER_HOST: `unix://${daemon.socket}`,
    DOCKER_CONFIG: join(daemon.folder, 'config'),
  };
  const version = await run(['docker', 'version', '--format', '{{.Server.Version}}'], env);
  return {
    version: `BuildKit of docker ${version}`,
    build: (context, { image, push = false, from, to }) =>
      run(
        [
          'docker',
          'buildx',
          'build',
          '--progress=plain',
          '--provenance=false',
          '--network=host',
          `--tag=${image}`,
          push ? '--push' : '--load',
          ...(from === undefined ? [] : ['--cache-from', `type=registry,ref=${from}`]),
          ...(to === undefined ? [] : ['--cache-to', `type=registry,ref=${to},mode=max`]),
          context,
        ],
        env,
      ),
    stop: () => daemon.stop(),
  };
}

/** `nofile` and `nproc`: buildah asks for more than containers may have. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];

async function buildah() {
  const machine = startBuildah();
  if (machine === undefined) return undefined;
  const { folder, program, runtime } = machine;
  const env = { CONTAINERS_CONF: join(folder, 'containers.conf'), TMPDIR: join(folder, 'tmp') };
  const places = ['--root', `${folder}/root`, '--runroot', `${folder}/run`, '--storage-driver', 'overlay'];
  const command = (args) => run([program, ...places, ...args], env);
  const trust = ['--tls-verify=false', '--signature-policy', join(folder, 'policy.json')];
  const sandbox = ['--isolation', 'oci', '--runtime', runtime, '--network', 'host', ...limits];
  const repository = (name) => name.replace(/:[^:/]*$/, '');
  return {
    version: (await command(['--version'])).replace(/ \(.*/, ''),
    build: async (context, { image, push = false, from, to }) => {
      const caches = [
        ...(from === undefined ? [] : ['--cache-from', repository(from)]),
        ...(to === undefined ? [] : ['--cache-to', repository(to)]),
      ];
      await command(['build', '--layers', ...trust, ...sandbox, ...caches, '-t', image, context]);
      if (push) await command(['push', ...trust, image]);
    },
    stop: () => machine.stop(),
  };
}
