/** Steps on a root of busybox alone, for tests of the sandbox. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createExecutor } from '../../src/executor/create-executor.js';
import type { ExecSpec, Executor, Process } from '../../src/executor/types.js';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { mode, testWhere, type Declare } from '../helpers/modes.js';
import { findProgram, isRoot } from '../helpers/programs.js';

const busybox = findProgram('busybox');
const isStatic =
  busybox !== undefined &&
  !execFileSync('od', ['-An', '-c', busybox], { maxBuffer: 1 << 28 }).includes(
    'l   d   -   l   i   n   u   x',
  );

/** `test` where steps can be run, `test.skip` elsewhere: root and a static busybox are needed. */
export const sandboxTest: Declare = isRoot && isStatic ? test : test.skip;

export { mode };
/** Where other users exist besides the one that root is. */
export const manyIdsTest = testWhere(mode !== 'single-id', 'there is one user', sandboxTest);
/** For what only root of the machine can prepare or have. */
export const rootfulTest = testWhere(mode === 'rootful', 'only root of the machine can do this', sandboxTest);
/** For what stands for other users where there is one. */
export const singleIdTest = testWhere(mode === 'single-id', 'there are other users', sandboxTest);

export interface StepRun {
  readonly code: number;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Host path of the upper. */
  readonly upper: string;
}

/** What differs from a plain root shell step. */
export interface StepOptions extends Partial<Omit<ExecSpec, 'process' | 'lowers'>> {
  readonly process?: Partial<Process>;
  /** Host paths of lower directories, from the bottom up. */
  readonly lowers?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface Canary {
  readonly path: string;
  readonly assertUntouched: (t: ExecutionContext) => void;
}

const ordinary = { network: 'default', security: 'sandbox' } as const;

export class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsbuild-sandbox-'));
  readonly base = join(this.directory, 'base');
  #executor: Promise<Executor> | undefined;
  #layers = 0;

  constructor(private readonly isolation: 'auto' | 'chroot' = 'auto') {
    mkdirSync(join(this.base, 'bin'), { recursive: true });
    mkdirSync(join(this.base, 'tmp'), { mode: 0o1777 });
    if (busybox === undefined) return;
    copyFileSync(busybox, join(this.base, 'bin/busybox'));
    for (const name of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n')) {
      if (name !== '' && name !== 'busybox') symlinkSync('busybox', join(this.base, 'bin', name));
    }
  }

  get executor(): Promise<Executor> {
    this.#executor ??= createExecutor({
      scratch: join(this.directory, 'scratch'),
      isolation: this.isolation,
    });
    return this.#executor;
  }

  /** A lower directory with these files; a value `-> target` is a link, one that ends in `/` a directory. */
  layer(files: Readonly<Record<string, string>>): string {
    const layer = join(this.directory, `layer-${this.#layers++}`);
    mkdirSync(layer);
    for (const [path, content] of Object.entries(files)) {
      const target = join(layer, path);
      mkdirSync(dirname(target), { recursive: true });
      if (path.endsWith('/')) mkdirSync(target, { recursive: true });
      else if (content.startsWith('-> ')) symlinkSync(content.slice(3), target);
      else writeFileSync(target, content);
    }
    return layer;
  }

  /** Runs a shell script, or an argv, as a step that was expected. */
  async step(command: string | readonly string[], options: StepOptions = {}): Promise<StepRun> {
    const surroundings = { ...ordinary, ...options };
    (await this.executor).expect?.(surroundings);
    return this.run(command, options);
  }

  /** Runs a shell script, or an argv, as a step. */
  async run(command: string | readonly string[], options: StepOptions = {}): Promise<StepRun> {
    const output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
    const { process, lowers = [], signal, ...rest } = options;
    const spec: ExecSpec = {
      lowers: [this.base, ...lowers].map((path) => ({
        path,
        namespace: ownOverlayNamespace(this.directory),
      })),
      mounts: [],
      ...ordinary,
      hostname: 'buildkitsandbox',
      extraHosts: [],
      onOutput: (stream, chunk) => output[stream].push(chunk),
      ...rest,
      process: {
        argv: typeof command === 'string' ? ['/bin/sh', '-c', command] : command,
        env: ['PATH=/bin'],
        cwd: '/',
        user: { uid: 0, gid: 0, groups: [0], home: '/root' },
        ...process,
      },
    };
    const job = { signal: signal ?? new AbortController().signal, emit: () => undefined };
    const result = await (await this.executor).run(spec, job);
    return {
      code: result.ok ? 0 : result.exitCode,
      signal: result.ok ? undefined : result.signal,
      stdout: Buffer.concat(output.stdout).toString(),
      stderr: Buffer.concat(output.stderr).toString(),
      upper: result.upper.path,
    };
  }

  /** A folder of the host that no step may read or change. */
  makeCanary(): Canary {
    const path = join(this.directory, 'canary');
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'untouched');
    const state = (): readonly string[] => [...readdirSync(path), readFileSync(join(path, 'file'), 'utf8')];
    return { path, assertUntouched: (t) => t.deepEqual(state(), ['file', 'untouched']) };
  }

  /** Deletes everything; for test.after.always. */
  async close(): Promise<void> {
    await (await this.#executor)?.close?.();
    if (existsSync(this.directory)) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Compiles C without a library into a static program, or gives undefined where there is no compiler. */
export function compileStatic(source: string, output: string): boolean {
  const compiler = findProgram('gcc');
  if (compiler === undefined) return false;
  writeFileSync(`${output}.c`, source);
  try {
    execFileSync(compiler, ['-static', '-O1', '-w', '-o', output, `${output}.c`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
