import { defineCommand } from '../define-command.js';

export const manifestRm = defineCommand({
  name: 'manifest rm',
  summary: 'Delete lists',
  positionals: 'NAME...',
  arity: [1, Infinity],
  options: {},
  async run({ positionals }, cli) {
    const { runManifestRm } = await import('../run-manifest.js');
    return runManifestRm(positionals, cli);
  },
});
