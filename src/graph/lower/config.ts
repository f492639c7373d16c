/** The instructions that change the image's config and nothing else: functions from one stage state to the next. */
import { expandWord, expandWords } from '../../parser/expand.js';
import { parsePortSpecs } from '../../parser/ports.js';
import { checkStopSignal } from '../../parser/stop-signal.js';
import type { Healthcheck } from '../../oci/types.js';
import type {
  ArgInstruction,
  CmdInstruction,
  Command,
  EntrypointInstruction,
  EnvInstruction,
  HealthcheckInstruction,
  LabelInstruction,
  OnbuildInstruction,
  ShellInstruction,
  WordInstruction,
  WordsInstruction,
} from '../../parser/types.js';
import { TsbuildError } from '../../util/errors.js';
import { healthcheckText, quotedList } from './history-text.js';
import type { StageContext } from './lowering.js';
import { defaultShell, recorded, setEnv, withConfig, type StageState } from './stage-state.js';
import { wordScope } from './word-scope.js';

/** All pairs of one ENV expand with the variables from before the line. */
export function lowerEnv(
  state: StageState,
  { pairs, range }: EnvInstruction,
  context: StageContext,
): StageState {
  const expanded = expandPairs(state, pairs, { context, range });
  let env = state.config.Env ?? [];
  const variables = new Map(state.variables);
  for (const [key, value] of expanded) {
    env = setEnv(env, key, value);
    variables.set(key, value);
  }
  const text = expanded.map(([key, value]) => `${key}=${value}`).join(' ');
  return recorded({ ...withConfig(state, { Env: env }), variables }, `ENV ${text}`);
}

export function lowerLabel(
  state: StageState,
  { pairs, range }: LabelInstruction,
  context: StageContext,
): StageState {
  const expanded = expandPairs(state, pairs, { context, range });
  const labels = { ...state.config.Labels, ...Object.fromEntries(expanded) };
  const text = expanded.map(([key, value]) => `${key}=${value}`).join(' ');
  return recorded(withConfig(state, { Labels: labels }), `LABEL ${text}`);
}

function expandPairs(
  state: StageState,
  pairs: EnvInstruction['pairs'],
  { context, range }: { readonly context: StageContext; readonly range: EnvInstruction['range'] },
): [string, string][] {
  const scope = wordScope(state, context, range);
  const { escape } = context.request.dockerfile.directives;
  return pairs.map(({ key, value }) => {
    const name = expandWord(key, scope, escape);
    if (name === '') throw new TsbuildError('dockerfile', 'names can not be blank');
    return [name, expandWord(value, scope, escape)];
  });
}

/**
 * A build argument, else the stage's own default, else the global value of that name; without any it stays unset.
 * Each name of a line sees the ones before it.
 */
export function lowerArg(
  state: StageState,
  { args, range }: ArgInstruction,
  context: StageContext,
): StageState {
  const { buildArgs, dockerfile } = context.request;
  const inScope = new Map(state.args);
  const variables = new Map(state.variables);
  const texts: string[] = [];
  for (const { name, value } of args) {
    const scope = wordScope({ ...state, variables, args: inScope }, context, range);
    const fallback = () =>
      value === undefined
        ? context.globals.get(name)
        : expandWord(value, scope, dockerfile.directives.escape);
    const resolved = buildArgs.get(name) ?? fallback();
    inScope.set(name, resolved);
    if (resolved !== undefined) variables.set(name, resolved);
    texts.push(resolved === undefined ? name : `${name}=${resolved}`);
  }
  return recorded({ ...state, args: inScope, variables }, `ARG ${texts.join(' ')}`);
}

export function lowerCmd(state: StageState, { command }: CmdInstruction): StageState {
  const argv = commandArgv(state, command);
  return recorded(
    { ...withConfig(state, { Cmd: unlessEmpty(argv), ArgsEscaped: true }), ownCmd: true },
    `CMD ${quotedList(argv)}`,
  );
}

/** An inherited CMD belongs to the inherited ENTRYPOINT and goes with it. */
export function lowerEntrypoint(state: StageState, { command }: EntrypointInstruction): StageState {
  const argv = commandArgv(state, command);
  const config = { Entrypoint: unlessEmpty(argv), ...(state.ownCmd ? {} : { Cmd: undefined }) };
  return recorded(withConfig(state, config), `ENTRYPOINT ${quotedList(argv)}`);
}

/** `CMD []` takes the inherited command away, as if there had been none. */
function unlessEmpty(argv: readonly string[]): readonly string[] | undefined {
  return argv.length === 0 ? undefined : argv;
}

/** The argument vector of a command: shell form goes through the SHELL in force. */
export function commandArgv(state: StageState, command: Command): readonly string[] {
  return command.form === 'exec' ? command.argv : [...(state.config.Shell ?? defaultShell), command.text];
}

export function lowerShell(state: StageState, { argv }: ShellInstruction): StageState {
  return recorded(withConfig(state, { Shell: argv }), `SHELL [${argv.join(' ')}]`);
}

export function lowerExpose(
  state: StageState,
  { words, range }: WordsInstruction<'EXPOSE'>,
  context: StageContext,
): StageState {
  const { escape } = context.request.dockerfile.directives;
  const scope = wordScope(state, context, range);
  const ports = parsePortSpecs(words.flatMap((word) => expandWords(word, scope, escape))).ports.map(
    ({ port }) => port,
  );
  const exposed = { ...state.config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) };
  return recorded(withConfig(state, { ExposedPorts: exposed }), `EXPOSE [${ports.join(' ')}]`);
}

export function lowerVolume(
  state: StageState,
  { words, range }: WordsInstruction<'VOLUME'>,
  context: StageContext,
): StageState {
  const { escape } = context.request.dockerfile.directives;
  const scope = wordScope(state, context, range);
  const paths = words.map((word) => expandWord(word, scope, escape));
  if (paths.some((path) => path.trim() === ''))
    throw new TsbuildError('dockerfile', 'VOLUME specified can not be an empty string');
  const volumes = { ...state.config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  return recorded(withConfig(state, { Volumes: volumes }), `VOLUME [${paths.join(' ')}]`);
}

export function lowerUser(
  state: StageState,
  { word, range }: WordInstruction<'USER'>,
  context: StageContext,
): StageState {
  const user = expandWord(
    word,
    wordScope(state, context, range),
    context.request.dockerfile.directives.escape,
  );
  return recorded(withConfig(state, { User: user }), `USER ${user}`);
}

export function lowerStopSignal(
  state: StageState,
  { word, range }: WordInstruction<'STOPSIGNAL'>,
  context: StageContext,
): StageState {
  const signal = expandWord(
    word,
    wordScope(state, context, range),
    context.request.dockerfile.directives.escape,
  );
  checkStopSignal(signal);
  return recorded(withConfig(state, { StopSignal: signal }), `STOPSIGNAL ${signal}`);
}

export function lowerMaintainer(state: StageState, { word }: WordInstruction<'MAINTAINER'>): StageState {
  return recorded({ ...state, author: word }, `MAINTAINER ${word}`);
}

export function lowerHealthcheck(state: StageState, instruction: HealthcheckInstruction): StageState {
  const { test, interval, timeout, startPeriod, startInterval, retries } = instruction;
  const check: Healthcheck = {
    Test: healthcheckTest(test),
    ...(interval ? { Interval: interval } : {}),
    ...(timeout ? { Timeout: timeout } : {}),
    ...(startPeriod ? { StartPeriod: startPeriod } : {}),
    ...(startInterval ? { StartInterval: startInterval } : {}),
    ...(retries ? { Retries: retries } : {}),
  };
  return recorded(withConfig(state, { Healthcheck: check }), healthcheckText(check));
}

function healthcheckTest(test: HealthcheckInstruction['test']): readonly string[] {
  if (test === 'NONE') return ['NONE'];
  return test.form === 'exec' ? ['CMD', ...test.argv] : ['CMD-SHELL', test.text];
}

/** Kept for the child image; no history. */
export function lowerOnbuild(state: StageState, { trigger }: OnbuildInstruction): StageState {
  return withConfig(state, { OnBuild: [...(state.config.OnBuild ?? []), trigger] });
}

/** Environment of a RUN: the image's variables and the ARGs in scope, in the order in which they were set. */
export function stepEnvironment(state: StageState): readonly string[] {
  return [...state.variables].map(([name, value]) => `${name}=${value}`);
}
