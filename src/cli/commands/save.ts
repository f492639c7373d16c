import { defineCommand } from '../define-command.js';
import { saveRequest } from '../image-requests.js';

export const save = defineCommand({
  name: 'save',
  summary: 'Write images of the store to an archive or an OCI layout',
  positionals: 'IMAGE...',
  arity: [1, Infinity],
  options: {
    output: {
      kind: 'text',
      short: 'o',
      value: 'PATH',
      describe: 'File or folder to write; - is standard output (default)',
    },
    format: {
      kind: 'text',
      value: 'FORMAT',
      choices: ['docker-archive', 'oci-archive', 'oci-dir'],
      describe: 'docker-archive, oci-archive (default) or oci-dir',
    },
    compression: {
      kind: 'text',
      value: 'KIND',
      choices: ['none', 'gzip', 'zstd'],
      describe: 'Compression of the layers (default gzip; none for docker-archive)',
    },
  },
  touchesLayers: true,
  async run({ options, positionals }, cli) {
    const request = saveRequest(positionals, options);
    const { runSave } = await import('../run-save.js');
    return runSave(request, cli);
  },
});
