import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildOptions } from '../build-options.js';
import { buildRequest } from '../build-request.js';
import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { withLogFile } from '../log-file.js';
import { buildPeerFlags } from '../peer-flags.js';

export const explain = defineCommand({
  name: 'explain',
  summary: 'Print why steps of a build are not in the cache: the very input that differs from earlier builds',
  positionals: '[CONTEXT] [STEP]',
  arity: [0, 2],
  options: { ...buildOptions, format: formatOption },
  peerFlags: buildPeerFlags,
  epilogue:
    'CONTEXT is the current folder when it is left out. STEP is a line of the Dockerfile, STAGE:LINE, a stage, or a part of the instruction. The options are those of tsbuild build. Values that look secret are not shown.',
  async run({ options, positionals }, cli) {
    const [context, wanted] = contextAndStep(positionals, cli.cwd);
    const { runExplain } = await import('../run-plan.js');
    const request = buildRequest(context, { ...options, format: undefined }, cli);
    const json = isJson(options.format);
    return withLogFile(options.logfile, cli, (to) => runExplain(request, to, { wanted, json }));
  },
});

/** One argument is a context when it can be one; a folder named like a stage is the folder. */
function contextAndStep(
  [first = '.', second]: readonly string[],
  cwd: string,
): readonly [context: string, step: string | undefined] {
  const isContext = first === '-' || first.includes('://') || first.startsWith('git@');
  return second !== undefined || isContext || existsSync(resolve(cwd, first))
    ? [first, second]
    : ['.', first];
}
