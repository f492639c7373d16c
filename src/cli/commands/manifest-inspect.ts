import { defineCommand } from '../define-command.js';

export const manifestInspect = defineCommand({
  name: 'manifest inspect',
  summary: 'Print a list as it would be pushed',
  positionals: 'NAME',
  arity: [1, 1],
  options: {},
  async run({ positionals }, cli) {
    const { runManifestInspect } = await import('../run-manifest.js');
    return runManifestInspect(positionals[0] ?? '', cli);
  },
});
