import { defineCommand } from '../define-command.js';

export const manifestAnnotate = defineCommand({
  name: 'manifest annotate',
  summary: 'Change what a list says of one of its images',
  positionals: 'NAME IMAGE',
  arity: [2, 2],
  options: {
    os: { kind: 'text', value: 'OS', describe: 'Operating system' },
    arch: { kind: 'text', value: 'ARCH', describe: 'Architecture' },
    variant: { kind: 'text', value: 'VARIANT', describe: 'Variant of the architecture, such as v7' },
    'os-version': { kind: 'text', value: 'VERSION', describe: 'Version of the operating system' },
    'os-feature': { kind: 'list', value: 'FEATURE', describe: 'Feature of the operating system' },
    annotation: { kind: 'list', value: 'KEY=VALUE', describe: 'Annotation of the image in the list' },
  },
  epilogue: 'IMAGE is as it was added, or its digest.',
  async run({ options, positionals }, cli) {
    const { runManifestAnnotate } = await import('../run-manifest.js');
    return runManifestAnnotate(positionals, options, cli);
  },
});
