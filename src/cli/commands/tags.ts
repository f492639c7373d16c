import { defineCommand } from '../define-command.js';
import { registryOptions } from '../registry-request.js';

export const tags = defineCommand({
  name: 'tags',
  summary: 'List the tags of a repository',
  positionals: 'REPOSITORY',
  arity: [1, 1],
  options: registryOptions,
  async run({ options, positionals: [repository = ''] }, cli) {
    const { runTags } = await import('../run-registry.js');
    return runTags(repository, options, cli);
  },
});
