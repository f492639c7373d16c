import type { Program } from '../../sys/program.js';
import { mountBase } from './base-mounts.js';
import { becomeInit, enterNamespaces, enterRoot, fork } from './namespaces.js';
import type { SandboxPlan } from './plan.js';
import { mountRoot } from './root.js';
import { mountForStep } from './step-mounts.js';
import { becomeStep, commandSlots, stepSlots } from './step.js';

/**
 * The whole life of a step as one program. Three processes play it: the outermost makes the namespaces, its child is
 * the first process of the PID namespace (it mounts, then only reaps), whose child becomes the step. Pure.
 */
export function sandboxProgram(plan: SandboxPlan): Program {
  const { argv, env } = plan.spec.process;
  return {
    operations: [
      ...enterNamespaces(plan),
      ...mountRoot(plan),
      fork('start init'),
      ...becomeInit,
      ...mountBase(plan),
      ...mountForStep(plan),
      ...enterRoot(plan.spec),
      fork('start the step'),
      ...becomeStep(plan),
    ],
    slots: { ...stepSlots, ...commandSlots(argv, env) },
  };
}
