import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { aboutThisProcess, version } from '../version.js';

export const versionCommand = defineCommand({
  name: 'version',
  summary: 'Print the versions of tsbuild and of Node.js',
  positionals: '',
  arity: [0, 0],
  options: { format: formatOption },
  run({ options }, { stdout }) {
    const facts = {
      version: version(),
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
    };
    stdout.write(isJson(options.format) ? `${JSON.stringify(facts)}\n` : `${aboutThisProcess()}\n`);
    return Promise.resolve(0);
  },
});
