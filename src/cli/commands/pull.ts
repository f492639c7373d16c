import { defineCommand } from '../define-command.js';
import { pullRequest } from '../image-requests.js';
import { progressOption } from '../progress-option.js';
import { registryOptions } from '../registry-request.js';

export const pull = defineCommand({
  name: 'pull',
  summary: 'Pull an image from a registry into the store',
  positionals: 'NAME',
  arity: [1, 1],
  options: {
    platform: {
      kind: 'text',
      value: 'OS/ARCH[/VARIANT]',
      describe: 'Platform to pull (default the machine’s own)',
    },
    quiet: { kind: 'flag', short: 'q', describe: 'Print only the digest of the manifest' },
    progress: progressOption,
    ...registryOptions,
  },
  async run({ options, positionals: [name = ''] }, cli) {
    const request = pullRequest(name, options);
    const { runPull } = await import('../run-pull.js');
    return runPull(request, cli);
  },
});
