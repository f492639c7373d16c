import { buildOptions } from '../build-options.js';
import { buildRequest } from '../build-request.js';
import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { withLogFile } from '../log-file.js';
import { buildPeerFlags } from '../peer-flags.js';

export const plan = defineCommand({
  name: 'plan',
  summary: 'Print which steps of a build are in the cache, without building',
  positionals: 'CONTEXT',
  arity: [1, 1],
  options: { ...buildOptions, format: formatOption },
  peerFlags: buildPeerFlags,
  epilogue: 'The options are those of tsbuild build. Nothing is run and no layer is fetched.',
  async run({ options, positionals: [context = ''] }, cli) {
    const { runPlan } = await import('../run-plan.js');
    const request = buildRequest(context, { ...options, format: undefined }, cli);
    return withLogFile(options.logfile, cli, (to) => runPlan(request, to, isJson(options.format)));
  },
});
