import type { Recipe } from '../../cache/types.js';
import type { ExecResult, ExecSpec } from '../../executor/types.js';
import { resolveUser } from '../../executor/users.js';
import type { Layer } from '../../layers/layer.js';
import type { Snapshot } from '../../layers/snapshot.js';
import { formatPlatform } from '../../oci/platform.js';
import { toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecOp } from '../ops.js';
import type { Prepared, Runner, Task } from '../runner.js';
import { accountFiles } from './account-files.js';

/** Everything that the result of a step depends on besides its root. Proxies, limits and the mode are not in it. */
export function execRecipe(op: ExecOp): Recipe {
  const environment = op.env.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [`variable ${pair.slice(0, at)}`, pair.slice(at + 1)];
  });
  return [
    ['op', op.kind],
    ...op.argv.map((word, i): [string, string] => [
      i === op.argv.length - 1 ? 'command' : `argument ${i}`,
      word,
    ]),
    ...environment,
    ['working directory', op.cwd],
    ['user', op.user],
    ['network', op.network],
    ['security', op.security],
    ['hostname', op.hostname],
    ['platform', formatPlatform(op.platform)],
    ...op.files.map(({ target, content }): [string, string] => [`file ${target}`, content]),
  ];
}

export const execRunner: Runner<ExecOp> = {
  async definition({ op }) {
    return execRecipe(op);
  },

  async prepare(task: Task<ExecOp>): Promise<Prepared> {
    const [root] = task.inputs;
    if (root === undefined) throw new Error('exec has no root');
    const recipe: Recipe = [...execRecipe(task.op), ['root', await root.content()]];
    return { recipe, make: () => task.shop.limitExecutions(() => execute(task, root)) };
  },
};

async function execute(task: Task<ExecOp>, root: Snapshot): Promise<Layer> {
  const { job, layers, now } = task.shop;
  job.signal.throwIfAborted();
  const executor = await task.shop.executor();
  const result = await executor.run(await execSpec(task, root), job);
  if (!result.ok) {
    await executor.discard(result.upper);
    throw failure(task.op, result);
  }
  return layers.fromUpper(await root.tree(), result.upper, now());
}

async function execSpec({ op, vertex, shop }: Task<ExecOp>, root: Snapshot): Promise<ExecSpec> {
  const [lowers, accounts] = await Promise.all([root.directories(), accountFiles(root)]);
  return {
    lowers,
    process: {
      argv: op.argv.map(toByteString),
      env: [...op.env, ...shop.proxies.filter((pair) => !isDeclared(op, pair))].map(toByteString),
      cwd: toByteString(op.cwd),
      user: resolveUser(op.user, accounts),
    },
    mounts: op.files.map(({ target, content }) => ({
      kind: 'file',
      target,
      bytes: Buffer.from(content),
      mode: 0o755,
    })),
    network: op.network,
    security: op.security,
    hostname: op.hostname,
    extraHosts: [],
    onOutput: (stream, chunk) => shop.job.emit({ kind: 'output', step: vertex.digest, stream, chunk }),
  };
}

function isDeclared(op: ExecOp, pair: string): boolean {
  const name = pair.slice(0, pair.indexOf('=') + 1);
  return op.env.some((declared) => declared.startsWith(name));
}

function failure(op: ExecOp, result: Extract<ExecResult, { ok: false }>): TsbuildError {
  const code = `exit code: ${result.exitCode}`;
  const how = result.signal === undefined ? code : `${code} (killed by ${result.signal})`;
  return new TsbuildError(
    'run',
    `process ${JSON.stringify(op.argv.join(' '))} did not complete successfully: ${how}`,
    {
      hint: exitHint(op, result.exitCode),
    },
  );
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
