import { runScript } from '../../parser/run-script.js';
import type { RunInstruction } from '../../parser/types.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecOp } from '../ops.js';
import { makeVertex } from '../vertex.js';
import { stepEnvironment } from './config.js';
import { runText } from './history-text.js';
import type { StageContext } from './lowering.js';
import { defaultShell, onRoot, type StageState } from './stage-state.js';
import { stepOrigin } from './step-origin.js';

/** BuildKit's host name of a step; programs that record it give the same bytes. */
const hostname = 'buildkitsandbox';

export function lowerRun(
  state: StageState,
  instruction: RunInstruction,
  context: StageContext & { readonly step: number },
): StageState {
  refuseUnsupported(instruction);
  const { argv, files } = runCommand(state, instruction);
  const op: ExecOp = {
    kind: 'exec',
    argv,
    env: stepEnvironment(state),
    cwd: state.config.WorkingDir || '/',
    user: state.config.User ?? '',
    network: instruction.network,
    security: instruction.security,
    hostname: context.request.buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') ?? hostname,
    platform: context.request.platform,
    files,
  };
  return onRoot(
    state,
    makeVertex(op, [state.vertex], stepOrigin(instruction, context)),
    runText(argv, state.args),
  );
}

function refuseUnsupported({ mounts, network, security, devices }: RunInstruction): void {
  const [mount] = mounts;
  if (mount !== undefined) throw unsupported(`--mount=type=${mount.type}`);
  if (network !== 'default') throw unsupported(`--network=${network}`);
  if (security !== 'sandbox') throw unsupported(`--security=${security}`);
  if (devices[0] !== undefined) throw unsupported(`--device=${devices[0]}`);
}

function unsupported(flag: string): TsbuildError {
  return new TsbuildError('unsupported', `RUN ${flag} is not supported`, {
    hint: 'remove the flag: tsbuild refuses what it would otherwise have to ignore',
  });
}

/** The argument vector, and the script file when the step is one heredoc that starts with `#!`. */
function runCommand(state: StageState, instruction: RunInstruction): Pick<ExecOp, 'argv' | 'files'> {
  const script = runScript(instruction);
  const shell = state.config.Shell ?? defaultShell;
  switch (script.kind) {
    case 'exec':
      return { argv: script.argv, files: [] };
    case 'line':
      return { argv: [...shell, script.text], files: [] };
    case 'file': {
      const target = `/dev/pipes/${script.name}`;
      return { argv: [...shell, target], files: [{ target, content: script.text }] };
    }
  }
}
