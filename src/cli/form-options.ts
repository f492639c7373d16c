import { plainForm, type ImageForm } from '../image/output.js';
import { TsbuildError } from '../util/errors.js';
import type { OptionTable, OptionValues } from './option-table.js';
import { compressions } from './push-form.js';
import { wholeNumber } from './registry-request.js';

/** Options of `build` for the form of images that leave the store; names and values are those of buildah. */
export const formOptions = {
  format: {
    kind: 'text',
    value: 'FORMAT',
    choices: ['oci', 'docker'],
    describe: 'Media types of what is pushed or exported: oci (default) or docker',
  },
  'compression-format': {
    kind: 'text',
    value: 'KIND',
    choices: Object.keys(compressions),
    describe: 'Compression of layers that are pushed or exported: gzip, zstd or uncompressed',
  },
  'compression-level': {
    kind: 'text',
    value: 'N',
    describe: 'Level of that compression: 0 to 9 for gzip, 1 to 22 for zstd',
  },
  'force-compression': {
    kind: 'flag',
    describe: 'Compress layers anew that come compressed in another way',
  },
} as const satisfies OptionTable;

/** The form of outputs that say nothing else; undefined when no option does. Throws `usage`. */
export function formRequest(options: OptionValues<typeof formOptions>): ImageForm | undefined {
  const level = options['compression-level'];
  const kind = options['compression-format'];
  const force = options['force-compression'];
  if (options.format === undefined && kind === undefined && level === undefined && !force) return undefined;
  return {
    ...plainForm,
    compression: kind === undefined ? undefined : compressions[kind],
    compressionLevel: level === undefined ? undefined : wholeNumber('--compression-level', level),
    forceCompression: force,
    ociMediaTypes: options.format !== 'docker',
  };
}

/** Refuses options that would change nothing: the image of the store is OCI's, and its layers are not compressed. */
export function refuseUnusedForm(form: ImageForm | undefined, isUsed: boolean): void {
  if (form === undefined || isUsed || JSON.stringify(form) === JSON.stringify(plainForm)) return;
  throw new TsbuildError('usage', '--format and --compression-* are for images that leave the store', {
    hint: 'add --push, or an output such as -o type=oci,dest=FILE',
  });
}
