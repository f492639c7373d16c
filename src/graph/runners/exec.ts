import type { Recipe } from '../../cache/types.js';
import { emulationProblem } from '../../executor/emulators.js';
import type { ExecResult, ExecSpec, Executor, ShellStreams, StepMount } from '../../executor/types.js';
import { resolveUser } from '../../executor/users.js';
import type { Layer } from '../../layers/layer.js';
import type { Snapshot } from '../../layers/snapshot.js';
import type { LayerDirectory } from '../../layers/types.js';
import { formatPlatform, hostPlatform } from '../../oci/platform.js';
import type { Job } from '../../progress/event.js';
import { toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecOp } from '../ops.js';
import type { Prepared, Runner, Task, Workshop } from '../runner.js';
import { accountFiles } from './account-files.js';
import { openMounts, type OpenMounts } from './exec-mounts.js';
import { mountSources } from './mount-sources.js';
import { execRecipe, sourcesRecipe } from './exec-recipe.js';

export const execRunner: Runner<ExecOp> = {
  async definition(vertex, shop) {
    return [...execRecipe(vertex.op), ...(await sourcesRecipe({ vertex, inputs: [], shop }, 'definition'))];
  },

  async selections(vertex, shop) {
    const shown = mountSources(vertex.op).filter(
      ({ source }) => vertex.inputs[source.input]?.op.kind === 'context',
    );
    return Promise.all(
      shown.map(async ({ source }) => {
        const { digest, changeset, file } = await shop.equipment.views.select(source, {
          vertex,
          inputs: [],
          shop,
        });
        return { digest, entry: changeset.entries.get(file ?? '') ?? changeset };
      }),
    );
  },

  async prepare(task: Task<ExecOp>): Promise<Prepared> {
    const [root] = task.inputs;
    if (root === undefined) throw new Error('exec has no root');
    const sources = await sourcesRecipe(task, 'content');
    const recipe: Recipe = [...execRecipe(task.op), ...sources, ['root', await root.content()]];
    return { recipe, make: () => make(task, root) };
  },
};

async function make(task: Task<ExecOp>, root: Snapshot): Promise<Layer> {
  const lowers = await root.directories();
  const opened = await openMounts(task, lowers[0]?.namespace ?? 'trusted');
  try {
    return await task.shop.limitExecutions(() => execute(task, root, { lowers, opened }));
  } finally {
    await opened.close();
  }
}

interface Material {
  readonly lowers: readonly LayerDirectory[];
  readonly opened: OpenMounts;
}

async function execute(task: Task<ExecOp>, root: Snapshot, material: Material): Promise<Layer> {
  const { job, layers, now } = task.shop;
  job.signal.throwIfAborted();
  const executor = await task.shop.executor();
  const spec = await execSpec(task, root, material);
  const result = await executor.run(spec, job);
  if (!result.ok) {
    await task.shop.onFailedStep?.((streams) =>
      startShell(executor, { spec, streams, upper: result.upper }, job),
    );
    await executor.discard(result.upper);
    throw (result.notExecutable && (await foreignFailure(task.op))) ?? failure(task, result);
  }
  const lost = executor.ids && { ...executor.ids, maker: spec.process.user };
  return layers.fromUpper(await root.tree(), result.upper, { created: now(), lost });
}

async function execSpec(
  { op, vertex, shop }: Task<ExecOp>,
  root: Snapshot,
  { lowers, opened }: Material,
): Promise<ExecSpec> {
  const user = resolveUser(op.user, await accountFiles(root));
  const files = op.files.map(({ target, content }): StepMount => ({
    kind: 'file',
    target,
    bytes: Buffer.from(content),
    mode: 0o755,
  }));
  return {
    lowers,
    process: {
      argv: op.argv.map(toByteString),
      env: environment(op, shop, opened.variables),
      cwd: toByteString(op.cwd),
      user: { ...user, groups: [...new Set([...user.groups, ...opened.groups])] },
    },
    mounts: [...files, ...opened.mounts],
    network: op.network,
    security: op.security,
    hostname: op.hostname,
    extraHosts: shop.equipment.extraHosts,
    resolver: shop.equipment.resolver,
    limits: shop.equipment.limits,
    onOutput: (stream, chunk) => shop.job.emit({ kind: 'output', step: vertex.digest, stream, chunk }),
  };
}

/** Variables of mounts replace those of the image; proxies do not. */
function environment(op: ExecOp, shop: Workshop, mounted: readonly string[]): string[] {
  const names = new Set(mounted.map(nameOf));
  const proxies = shop.proxies.filter((pair) => !isDeclared(op, pair));
  const own = [...op.env, ...proxies].map(toByteString).filter((pair) => !names.has(nameOf(pair)));
  return [...own, ...mounted];
}

function nameOf(pair: string): string {
  return pair.slice(0, pair.indexOf('='));
}

function isDeclared(op: ExecOp, pair: string): boolean {
  const name = pair.slice(0, pair.indexOf('=') + 1);
  return op.env.some((declared) => declared.startsWith(name));
}

interface FailedStep {
  readonly spec: ExecSpec;
  readonly streams: ShellStreams;
  readonly upper: LayerDirectory;
}

const shells = ['/bin/sh', '/bin/bash', '/bin/ash', '/bin/dash', '/bin/zsh'];

/** A shell with everything that the failed step had and made; what it changes is discarded. */
async function startShell(executor: Executor, { spec, streams, upper }: FailedStep, job: Job): Promise<void> {
  const shell = shells.find((path) => path === spec.process.argv[0]) ?? '/bin/sh';
  const { timeout: _none, ...limits } = spec.limits ?? {};
  const result = await executor.run(
    {
      ...spec,
      ...streams,
      limits,
      lowers: [...spec.lowers, upper],
      process: { ...spec.process, argv: [shell], env: [...spec.process.env, 'TERM=xterm'] },
    },
    job,
  );
  await executor.discard(result.upper);
}

/** A program that could not be executed because it is one for another processor. */
async function foreignFailure({ platform }: ExecOp): Promise<TsbuildError | undefined> {
  const found = await emulationProblem(platform.architecture, hostPlatform().architecture);
  if (found === undefined) return undefined;
  return new TsbuildError(
    'run',
    `a RUN step for ${formatPlatform(platform)} cannot run on this machine: ${found.problem}`,
    { hint: found.hint },
  );
}

function failure({ op, shop }: Task<ExecOp>, result: Extract<ExecResult, { ok: false }>): TsbuildError {
  const command = `process ${JSON.stringify(op.argv.join(' '))}`;
  const code = `exit code: ${result.exitCode}`;
  const { memory, timeout } = shop.equipment.limits;
  if (result.limit === 'time') {
    return new TsbuildError('run', `${command} did not end within ${(timeout ?? 0) / 1000} s`, {
      hint: 'the limit is that of --step-timeout',
    });
  }
  if (result.limit === 'memory') {
    const limit = memory === undefined ? 'of the machine or an outer container' : `of ${memory} bytes`;
    return new TsbuildError('run', `${command} ran out of memory: killed at the limit ${limit} (${code})`, {
      hint:
        memory === undefined
          ? 'give the machine more memory, or the step less work at a time'
          : 'raise --memory',
    });
  }
  const how = result.signal === undefined ? code : `${code} (killed by ${result.signal})`;
  return new TsbuildError('run', `${command} did not complete successfully: ${how}`, {
    hint: exitHint(op, result.exitCode),
  });
}

/** What an exit code of the shell, of execve or of the kernel usually means. */
function exitHint(op: ExecOp, exitCode: number): string | undefined {
  if (exitCode === 127) {
    return `a command was not found: install it in an earlier step, or check PATH and the spelling; ${JSON.stringify(op.argv[0])} must exist in the image`;
  }
  if (exitCode === 126)
    return 'a command could not be executed: check its mode (chmod +x), its #! line and its architecture';
  if (exitCode === 137)
    return 'the step was killed (SIGKILL); often the machine or its limit ran out of memory';
  return undefined;
}
