import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { registryDefaults, wholeNumber } from '../registry-request.js';

export const contextLs = defineCommand({
  name: 'context ls',
  summary: 'Print what of a build context enters a build, its size by folder, and what is kept out',
  positionals: '[CONTEXT]',
  arity: [0, 1],
  options: {
    file: { kind: 'text', short: 'f', value: 'FILE', describe: 'Dockerfile whose ignore file counts' },
    ignorefile: { kind: 'text', value: 'FILE', describe: 'File to use in place of .dockerignore' },
    why: { kind: 'flag', describe: 'Print what is kept out too, and the rule that keeps it out' },
    depth: { kind: 'text', value: 'N', describe: 'Levels of folders that are printed (default 1)' },
    format: formatOption,
  },
  epilogue:
    'CONTEXT is what tsbuild build takes. With --format json every file is printed, whatever the depth.',
  async run({ options, positionals: [context = '.'] }, cli) {
    const { runContextLs } = await import('../run-context-ls.js');
    return runContextLs(
      {
        context,
        file: options.file,
        ignoreFile: options.ignorefile,
        why: options.why,
        depth: options.depth === undefined ? 1 : wholeNumber('--depth', options.depth),
        json: isJson(options.format),
        registry: registryDefaults,
      },
      cli,
    );
  },
});
