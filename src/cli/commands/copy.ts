import { defineCommand } from '../define-command.js';
import { progressOption } from '../progress-option.js';
import { pushFormOptions } from '../push-form.js';
import { registryOptions } from '../registry-request.js';

export const copy = defineCommand({
  name: 'copy',
  summary: 'Copy an image between registries, OCI layouts, archives and the store',
  positionals: 'SOURCE DESTINATION',
  arity: [2, 2],
  options: {
    platform: {
      kind: 'text',
      value: 'OS/ARCH[/VARIANT]',
      describe: 'Copy the image for one platform (default: all of an index)',
    },
    quiet: { kind: 'flag', short: 'q', describe: 'Print only what was copied' },
    progress: progressOption,
    ...pushFormOptions,
    ...registryOptions,
  },
  epilogue:
    'SOURCE and DESTINATION are NAME (in a registry), oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME] or store:NAME. Manifests, configs and layers are copied byte for byte; the options of compression are for images of the store and of docker archives, which have no manifest yet.',
  async run({ options, positionals: [from = '', to = ''] }, cli) {
    const { copyRequest, runCopy } = await import('../run-copy.js');
    return runCopy(copyRequest(from, to, options), cli);
  },
});
