import { buildOptions } from '../build-options.js';
import { buildRequest } from '../build-request.js';
import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { buildPeerFlags } from '../peer-flags.js';

export const explain = defineCommand({
  name: 'explain',
  summary: 'Print why steps of a build are not in the cache: the very input that differs from earlier builds',
  positionals: 'CONTEXT [STEP]',
  arity: [1, 2],
  options: { ...buildOptions, format: formatOption },
  peerFlags: buildPeerFlags,
  epilogue:
    'STEP is a line of the Dockerfile, STAGE:LINE, a stage, or a part of the instruction. The options are those of tsbuild build. Values that look secret are not shown.',
  async run({ options, positionals: [context = '', wanted] }, cli) {
    const { runExplain } = await import('../run-plan.js');
    return runExplain(buildRequest(context, { ...options, format: undefined }, cli), cli, {
      wanted,
      json: isJson(options.format),
    });
  },
});
