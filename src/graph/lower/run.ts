import type { Heredoc, RunInstruction } from '../../parser/types.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecOp } from '../ops.js';
import { makeVertex } from '../vertex.js';
import { commandArgv, stepEnvironment } from './config.js';
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
function runCommand(
  state: StageState,
  { command, heredocs }: RunInstruction,
): Pick<ExecOp, 'argv' | 'files'> {
  const [script, ...others] = heredocs;
  if (command.form === 'exec' || script === undefined)
    return { argv: commandArgv(state, command), files: [] };
  const shell = state.config.Shell ?? defaultShell;
  if (others.length > 0 || !isOnlyHeredoc(command.text)) {
    return { argv: [...shell, [command.text, ...heredocs.map(heredocText)].join('\n')], files: [] };
  }
  const content = script.chomp ? withoutLeadingTabs(script.content) : script.content;
  if (!content.startsWith('#!')) return { argv: [...shell, content], files: [] };
  const target = `/dev/pipes/${script.name}`;
  return { argv: [...shell, target], files: [{ target, content }] };
}

/** `<<EOF` and nothing else: the body is the script. */
function isOnlyHeredoc(text: string): boolean {
  return /^<<-?\s*\S+$/.test(text.trim());
}

/** A heredoc as the shell reads it: body and closing line. */
function heredocText({ name, content }: Heredoc): string {
  return `${content}${name}`;
}

function withoutLeadingTabs(content: string): string {
  return content.replaceAll(/^\t+/gm, '');
}
