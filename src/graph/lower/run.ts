import { runScript } from '../../parser/run-script.js';
import type { RunInstruction } from '../../parser/types.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecOp } from '../ops.js';
import { makeVertex } from '../vertex.js';
import { stepEnvironment } from './config.js';
import { lowerDevices } from './devices.js';
import { runText } from './history-text.js';
import type { Entitlement, LowerRequest, StageContext } from './lowering.js';
import { lowerMounts } from './mounts.js';
import { defaultShell, onRoot, type StageState } from './stage-state.js';
import { stepOrigin } from './step-origin.js';

/** BuildKit's host name of a step; programs that record it give the same bytes. */
const hostname = 'buildkitsandbox';

/** Throws `usage` for rights that were not granted: before any step runs. */
export async function lowerRun(
  state: StageState,
  instruction: RunInstruction,
  context: StageContext & { readonly step: number },
): Promise<StageState> {
  const { request } = context;
  checkEntitlements(instruction, request);
  const { argv, files } = runCommand(state, instruction);
  const { mounts, inputs } = await lowerMounts(state, instruction, context);
  const op: ExecOp = {
    kind: 'exec',
    argv,
    env: stepEnvironment(state),
    cwd: state.config.WorkingDir || '/',
    user: state.config.User ?? '',
    network: instruction.network === 'default' ? (request.network ?? 'default') : instruction.network,
    security: instruction.security,
    hostname: request.buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') ?? hostname,
    platform: context.platform(),
    files,
    mounts,
    devices: await lowerDevices(instruction.devices, request),
  };
  const origin = { ...stepOrigin(instruction, context), buildArguments: [...state.args.keys()] };
  const vertex = makeVertex(op, [state.vertex, ...inputs], origin);
  return onRoot(state, vertex, runText(argv, state));
}

/** Who chose the host's network for all steps has granted it. */
function checkEntitlements({ network, security }: RunInstruction, request: LowerRequest): void {
  const granted = (entitlement: Entitlement): boolean => request.entitlements?.has(entitlement) ?? false;
  if (network === 'host' && request.network !== 'host' && !granted('network.host')) {
    throw notGranted('--network=host', 'network.host');
  }
  if (security === 'insecure' && !granted('security.insecure')) {
    throw notGranted('--security=insecure', 'security.insecure');
  }
}

function notGranted(flag: string, entitlement: Entitlement): TsbuildError {
  return new TsbuildError('usage', `RUN ${flag} is not allowed`, {
    hint: `if you trust this Dockerfile and its base image, allow it with --allow ${entitlement}`,
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
