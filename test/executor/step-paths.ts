import type { SandboxPaths } from '../../src/executor/sandbox/plan.js';

/** The folders of a step below one folder; `lower` is that of its image. */
export function pathsIn(folder: string): SandboxPaths & { readonly lower: string } {
  const path = (name: string): string => `${folder}/${name}`;
  return {
    lower: path('lower'),
    upper: path('upper'),
    work: path('work'),
    root: path('root'),
    init: path('init'),
    memory: path('memory'),
  };
}
