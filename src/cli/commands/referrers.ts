import { defineCommand } from '../define-command.js';
import { formatOption } from '../format-option.js';
import { registryOptions } from '../registry-request.js';

export const referrers = defineCommand({
  name: 'referrers',
  summary: 'List what refers to an image of a registry: signatures, bills of materials and the like',
  positionals: 'NAME',
  arity: [1, 1],
  options: {
    'artifact-type': { kind: 'text', value: 'TYPE', describe: 'Only artifacts of this type' },
    format: formatOption,
    ...registryOptions,
  },
  async run({ options, positionals: [name = ''] }, cli) {
    const { runReferrers } = await import('../run-registry.js');
    return runReferrers(name, options, cli);
  },
});
