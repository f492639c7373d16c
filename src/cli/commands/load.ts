import { defineCommand } from '../define-command.js';
import { loadRequest } from '../image-requests.js';

export const load = defineCommand({
  name: 'load',
  summary: 'Read images from an archive or an OCI layout into the store',
  positionals: '',
  arity: [0, 0],
  options: {
    input: {
      kind: 'text',
      short: 'i',
      value: 'PATH',
      describe: 'File or folder to read; - is standard input (default)',
    },
    tag: {
      kind: 'list',
      short: 't',
      value: 'NAME[:TAG]',
      describe: 'Name of the image, in place of those in the archive',
    },
    quiet: { kind: 'flag', short: 'q', describe: 'Print only the digests of the images' },
  },
  async run({ options }, cli) {
    const request = loadRequest(options);
    const { runLoad } = await import('../run-load.js');
    return runLoad(request, cli);
  },
});
