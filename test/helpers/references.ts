/** Other builders, to build the same thing with: current releases that scripts/install-references.sh unpacked. */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, isRoot, runProgram, startProgram } from './programs.js';
import type { Ended, Running } from './programs.js';
import { makeScratch, removeScratch, testCache } from './scratch.js';

export interface ReferenceBuild {
  /** The build context: a folder, a URL, or `-` for `input`. Its `Dockerfile` is built unless `args` say otherwise. */
  readonly context: string;
  readonly input?: Uint8Array | undefined;
  /** Further keys of BuildKit's output, such as `rewrite-timestamp=true`. */
  readonly output?: string | undefined;
  /** Further flags of `build`: those that all builders share (--build-arg, --target, --secret…). */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing is taken from the builder's cache; true unless told. */
  readonly fresh?: boolean;
}

export interface ReferenceImage extends Ended {
  /** The image when the build succeeded: an OCI layout or an archive of one, for `readImageFacts`. */
  readonly image: string;
}

export interface Reference {
  readonly name: 'buildkit' | 'buildah';
  build(request: ReferenceBuild): Promise<ReferenceImage>;
  /** Ends what was started and deletes what was written. */
  stop(): Promise<void>;
}

const root = join(testCache, 'references', 'root');
const docker = join(root, 'usr/bin/docker');
const dockerd = join(root, 'usr/sbin/dockerd');
const newBuildah = join(root, 'usr/bin/buildah');
const withReferences = {
  PATH: `${root}/usr/bin:${root}/usr/sbin:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
};

/** BuildKit within a dockerd of its own: private socket, private data, no network set-up. Undefined where it cannot run. */
export async function startBuildkit(): Promise<Reference | undefined> {
  if (!isRoot || !existsSync(dockerd) || !existsSync(docker)) return undefined;
  const folder = makeScratch('buildkit');
  const socket = join(folder, 'docker.sock');
  const daemon = startDockerd(folder, socket);
  try {
    await daemon.printed(/API listen on/);
  } catch {
    await removeScratch(folder);
    return undefined;
  }
  return new Buildkit(folder, socket, daemon);
}

function startDockerd(folder: string, socket: string): Running {
  const settings = join(folder, 'daemon.json');
  // With containerd's image store the daemon can export OCI layouts.
  writeFileSync(settings, JSON.stringify({ features: { 'containerd-snapshotter': true } }));
  const places = [
    '--data-root',
    `${folder}/data`,
    '--exec-root',
    `${folder}/exec`,
    '--pidfile',
    `${folder}/pid`,
  ];
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--ip-forward=false'];
  const argv = [dockerd, '--config-file', settings, ...places, '-H', `unix://${socket}`, ...network];
  return startProgram(argv, { env: withReferences, timeout: 3_600_000 });
}

class Buildkit implements Reference {
  readonly name = 'buildkit';
  readonly #config: string;
  #count = 0;

  constructor(
    readonly folder: string,
    readonly socket: string,
    readonly daemon: Running,
  ) {
    this.#config = join(folder, 'config');
    mkdirSync(join(this.#config, 'cli-plugins'), { recursive: true });
    const plugin = 'cli-plugins/docker-buildx';
    symlinkSync(join(root, 'usr/libexec/docker', plugin), join(this.#config, plugin));
  }

  async build({
    context,
    input,
    output,
    args = [],
    env = {},
    fresh = true,
  }: ReferenceBuild): Promise<ReferenceImage> {
    const image = join(this.folder, `image-${++this.#count}.tar`);
    const fixed = [
      '--progress',
      'plain',
      '--provenance=false',
      '--network',
      'host',
      '-o',
      [`type=oci,dest=${image}`, ...(output === undefined ? [] : [output])].join(),
    ];
    const argv = [docker, 'buildx', 'build', ...fixed, ...(fresh ? ['--no-cache'] : []), ...args, context];
    const client = { DOCKER_HOST: `unix://${this.socket}`, DOCKER_CONFIG: this.#config };
    return { ...(await runProgram(argv, { env: { ...withReferences, ...client, ...env }, input })), image };
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
    await removeScratch(this.folder);
  }
}

/**
 * buildah with a store of its own: the unpacked release, or the system's (`which: 'system'`, older).
 * Undefined where there is none.
 */
export function startBuildah(which: 'current' | 'system' = 'current'): Reference | undefined {
  const program = which === 'current' && existsSync(newBuildah) ? newBuildah : findProgram('buildah');
  const runtime = findProgram('runc') ?? [join(root, 'usr/sbin/runc')].find(existsSync);
  if (!isRoot || program === undefined || runtime === undefined) return undefined;
  return new Buildah(makeScratch('buildah'), program, runtime);
}

class Buildah implements Reference {
  readonly name = 'buildah';
  readonly #global: readonly string[];
  readonly #policy: string;
  #count = 0;

  constructor(
    readonly folder: string,
    readonly program: string,
    readonly runtime: string,
  ) {
    this.#policy = join(folder, 'policy.json');
    writeFileSync(this.#policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    writeFileSync(join(folder, 'containers.conf'), '');
    mkdirSync(join(folder, 'tmp'));
    const places = ['--root', `${folder}/root`, '--runroot', `${folder}/run`, '--storage-driver', 'overlay'];
    this.#global = [program, ...places];
  }

  async build({ context, args = [], env = {}, fresh = true }: ReferenceBuild): Promise<ReferenceImage> {
    const count = ++this.#count;
    const image = join(this.folder, `image-${count}`);
    const name = `localhost/reference:${count}`;
    const sandbox = ['--isolation', 'oci', '--runtime', this.runtime, '--network', 'host', ...limits];
    const fixed = ['--format', 'docker', '--layers', '--signature-policy', this.#policy, ...sandbox];
    const cached = fresh ? ['--no-cache'] : [];
    const built = await this.#run(['build', ...fixed, ...cached, '-t', name, ...args, context], env);
    if (built.code !== 0) return { ...built, image };
    const pushed = await this.#run(['push', '--signature-policy', this.#policy, name, `dir:${image}`], env);
    return pushed.code === 0 ? { ...built, image } : { ...pushed, image };
  }

  async stop(): Promise<void> {
    await removeScratch(this.folder);
  }

  async #run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
    const own = { CONTAINERS_CONF: join(this.folder, 'containers.conf'), TMPDIR: join(this.folder, 'tmp') };
    return runProgram([...this.#global, ...args], { env: { ...withReferences, ...own, ...env } });
  }
}

/** buildah asks for more open files than a container without CAP_SYS_RESOURCE may have. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];

/** Removes images that a reference left in its folder, so that long tables stay small on disk. */
export function forget(image: string): void {
  rmSync(image, { recursive: true, force: true });
}
