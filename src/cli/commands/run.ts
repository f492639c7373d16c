import { defineCommand } from '../define-command.js';
import { inNamespace } from '../in-namespace.js';
import { runOptions, runRequest } from '../run-request.js';

export const run = defineCommand({
  name: 'run',
  summary: 'Start an image in the sandbox of RUN steps, to try it',
  positionals: 'IMAGE [COMMAND...]',
  arity: [1, Infinity],
  options: runOptions,
  optionsFirst: true,
  epilogue:
    'Everything that the command changes is discarded. Signals are passed on, and the exit code is the command’s: 128 + n after signal n. Containers that are to stay are the business of a container engine.',
  run({ options, positionals }, cli) {
    const request = runRequest(positionals, options, cli.env);
    return inNamespace(request.isolation, cli, async () => {
      const { runContainer } = await import('../run-container.js');
      return runContainer(request, cli);
    });
  },
});
