import { defineCommand } from '../define-command.js';
import { pushFormOptions } from '../push-form.js';
import { registryOptions } from '../registry-request.js';

export const manifestCreate = defineCommand({
  name: 'manifest create',
  summary: 'Make a list of images for several platforms, to be pushed as one',
  positionals: 'NAME [IMAGE...]',
  arity: [1, Infinity],
  options: {
    amend: { kind: 'flag', short: 'a', describe: 'Add to a list that is there already' },
    annotation: { kind: 'list', value: 'KEY=VALUE', describe: 'Annotation of the list' },
    'oci-mediatypes': pushFormOptions['oci-mediatypes'],
    ...registryOptions,
  },
  epilogue:
    'IMAGE is NAME (in a registry), oci:FOLDER[:TAG] or oci-archive:FILE[:TAG]. Of an index all members are taken.',
  async run({ options, positionals }, cli) {
    const { runManifestCreate } = await import('../run-manifest.js');
    return runManifestCreate(positionals, options, cli);
  },
});
