import { defineCommand } from '../define-command.js';
import { pushRequest } from '../image-requests.js';
import { progressOption } from '../progress-option.js';
import { pushFormOptions } from '../push-form.js';
import { registryOptions } from '../registry-request.js';

export const push = defineCommand({
  name: 'push',
  summary: 'Push an image of the store to a registry',
  positionals: 'IMAGE [NAME]',
  arity: [1, 2],
  options: {
    quiet: { kind: 'flag', short: 'q', describe: 'Print only the digest of the manifest' },
    progress: progressOption,
    ...pushFormOptions,
    ...registryOptions,
  },
  touchesLayers: true,
  async run({ options, positionals: [image = '', name = image] }, cli) {
    const request = pushRequest(image, name, options);
    const { runPush } = await import('../run-push.js');
    return runPush(request, cli);
  },
});
