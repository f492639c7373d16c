/** The base images of examples/node-app, built by tsbuild out of this machine's Node. */
import { makeDemoBase } from '../../scripts/make-demo-base.js';
import type { Workspace } from './tsbuild.js';

export const nodeBases = { NODE: 'localhost/demo/node:npm', SLIM: 'localhost/demo/node:slim' } as const;

/** Builds both bases into the workspace's store. */
export async function buildNodeBases(workspace: Workspace): Promise<void> {
  const context = workspace.path('base');
  makeDemoBase(context);
  for (const args of [
    ['--target', 'slim', '-t', nodeBases.SLIM],
    ['-t', nodeBases.NODE],
  ]) {
    const built = await workspace.tsbuild(['build', '--progress', 'plain', ...args, context]);
    if (built.code !== 0) throw new Error(built.output);
  }
}
