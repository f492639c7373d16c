import type { PushForm } from '../build/push-image.js';
import type { Compression } from '../oci/media-types.js';
import { TsbuildError } from '../util/errors.js';
import type { OptionTable, OptionValues } from './option-table.js';
import { wholeNumber } from './registry-request.js';

/** Options of commands that push what they compress. */
export const pushFormOptions = {
  compression: {
    kind: 'text',
    value: 'KIND',
    choices: ['gzip', 'zstd', 'uncompressed'],
    describe: 'Compression of layers that no registry has yet: gzip (default), zstd or uncompressed',
  },
  'compression-level': {
    kind: 'text',
    value: 'N',
    describe: 'Level of the compression: 0 to 9 for gzip (default 5), 1 to 22 for zstd (default 3)',
  },
  'force-compression': {
    kind: 'flag',
    describe: 'Compress pulled layers anew when they are compressed in another way',
  },
  'oci-mediatypes': {
    kind: 'optional',
    implicit: 'true',
    choices: ['true', 'false'],
    describe: 'Media types of OCI (default true); false: those of Docker',
  },
} as const satisfies OptionTable;

/** Names of compressions on the command line. */
export const compressions: Readonly<Record<string, Compression>> = {
  gzip: 'gzip',
  zstd: 'zstd',
  uncompressed: 'none',
};

/** Throws `usage`. */
export function pushForm(options: OptionValues<typeof pushFormOptions>): PushForm {
  const level = options['compression-level'];
  return checkedForm({
    compression: compressions[options.compression ?? 'gzip'],
    compressionLevel: level === undefined ? undefined : wholeNumber('--compression-level', level),
    forceCompression: options['force-compression'],
    ociMediaTypes: options['oci-mediatypes'] !== 'false',
    annotations: [],
  });
}

/** The same form, if the compression has its level. Throws `usage`. */
export function checkedForm<F extends Pick<PushForm, 'compression' | 'compressionLevel'>>(form: F): F {
  const { compression = 'gzip', compressionLevel: level } = form;
  if (level === undefined || compression === 'none') return form;
  const [least, most] = compression === 'zstd' ? [1, 22] : [0, 9];
  if (level >= least && level <= most) return form;
  throw new TsbuildError('usage', `${compression} has levels from ${least} to ${most}, not ${level}`);
}
