import type { Program } from '../../sys/program.js';
import { mountBase, moveBase } from './base-mounts.js';
import {
  enterNamespaces,
  enterRoot,
  fork,
  forkInit,
  initSlots,
  openingSlots,
  ownPipes,
  started,
  waitForStep,
} from './namespaces.js';
import type { OpeningPlan, SandboxPlan } from './plan.js';
import { mountRoot } from './root.js';
import { mountForStep, mountMemory } from './step-mounts.js';
import { becomeStep, commandSlots, stepSlots } from './step.js';

/**
 * The first part of the life of a step, in which nothing of the step itself is needed yet: the outermost process makes
 * the namespaces; its child, the first process of the PID namespace, mounts what is the same in every sandbox, and
 * waits for the rest. Pure.
 */
export function openingProgram(plan: OpeningPlan): Program {
  return {
    operations: [
      ...enterNamespaces(plan),
      ...forkInit('start init'),
      ...mountMemory(plan.paths.memory),
      ...mountBase(plan),
      waitForStep,
    ],
    slots: { ...openingSlots, ...initSlots },
  };
}

/** The rest: the root and the mounts of the step. Then init only reaps, and its child becomes the step. Pure. */
export function stepProgram(plan: SandboxPlan): Program {
  const { argv, env } = plan.spec.process;
  return {
    operations: [
      ...started,
      ...ownPipes(plan),
      ...mountRoot(plan),
      ...moveBase(plan.host),
      ...mountForStep(plan),
      ...enterRoot(plan.spec),
      fork('start the step'),
      ...becomeStep(plan),
    ],
    slots: { ...stepSlots, ...commandSlots(argv, env) },
  };
}
