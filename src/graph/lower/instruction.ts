import type { StageInstruction } from '../../parser/types.js';
import {
  lowerArg,
  lowerCmd,
  lowerEntrypoint,
  lowerEnv,
  lowerExpose,
  lowerHealthcheck,
  lowerLabel,
  lowerMaintainer,
  lowerOnbuild,
  lowerShell,
  lowerStopSignal,
  lowerUser,
  lowerVolume,
} from './config.js';
import { lowerCopy } from './copy.js';
import type { StageContext } from './lowering.js';
import { lowerRun } from './run.js';
import type { StageState } from './stage-state.js';
import { lowerWorkdir } from './workdir.js';

/** Whether an instruction counts as a step in `[build 3/5]`: those that may make a layer. */
export function takesStep({ kind }: StageInstruction): boolean {
  return kind === 'RUN' || kind === 'COPY' || kind === 'ADD' || kind === 'WORKDIR';
}

/** The state after one instruction. */
export function lowerInstruction(
  state: StageState,
  instruction: StageInstruction,
  context: StageContext & { readonly step: number },
): StageState | Promise<StageState> {
  switch (instruction.kind) {
    case 'ADD':
    case 'COPY':
      return lowerCopy(state, instruction, context);
    case 'ARG':
      return lowerArg(state, instruction, context);
    case 'CMD':
      return lowerCmd(state, instruction);
    case 'ENTRYPOINT':
      return lowerEntrypoint(state, instruction);
    case 'ENV':
      return lowerEnv(state, instruction, context);
    case 'EXPOSE':
      return lowerExpose(state, instruction, context);
    case 'HEALTHCHECK':
      return lowerHealthcheck(state, instruction);
    case 'LABEL':
      return lowerLabel(state, instruction, context);
    case 'MAINTAINER':
      return lowerMaintainer(state, instruction);
    case 'ONBUILD':
      return lowerOnbuild(state, instruction);
    case 'RUN':
      return lowerRun(state, instruction, context);
    case 'SHELL':
      return lowerShell(state, instruction);
    case 'STOPSIGNAL':
      return lowerStopSignal(state, instruction, context);
    case 'USER':
      return lowerUser(state, instruction, context);
    case 'VOLUME':
      return lowerVolume(state, instruction, context);
    case 'WORKDIR':
      return lowerWorkdir(state, instruction, context);
  }
}
