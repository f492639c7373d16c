import { defineCommand } from '../define-command.js';
import { registryOptions } from '../registry-request.js';

export const manifestPush = defineCommand({
  name: 'manifest push',
  summary: 'Push a list and the images of it that the registry lacks',
  positionals: 'NAME [DESTINATION]',
  arity: [1, 2],
  options: {
    purge: { kind: 'flag', short: 'p', describe: 'Delete the list when it was pushed' },
    quiet: { kind: 'flag', short: 'q', describe: 'Show no progress' },
    ...registryOptions,
  },
  async run({ options, positionals }, cli) {
    const { runManifestPush } = await import('../run-manifest.js');
    return runManifestPush(positionals, options, cli);
  },
});
