import type { ImageEdits } from '../build/image-edits.js';
import { TsbuildError } from '../util/errors.js';
import { splitPair } from './build-values.js';
import type { CliContext } from './context.js';
import type { OptionTable, OptionValues } from './option-table.js';
import { wholeNumber } from './registry-request.js';

/** Options of `build` that change the finished image; names and values are those of buildah and podman. */
export const imageEditOptions = {
  squash: { kind: 'flag', describe: 'Make one layer of those that the build adds to its base' },
  'squash-all': { kind: 'flag', describe: 'Make one layer of all, those of the base too' },
  timestamp: {
    kind: 'text',
    value: 'SECONDS',
    describe: 'Time given to the image and to every file of its new layers; SOURCE_DATE_EPOCH is not set',
  },
  'omit-history': { kind: 'flag', describe: 'Leave the history out of the image' },
  'created-annotation': {
    kind: 'flag',
    describe: 'Annotate the image with its time: org.opencontainers.image.created',
  },
  env: {
    kind: 'list',
    value: 'NAME[=VALUE]',
    describe: 'Variable that every stage begins with; without = it is taken from the environment',
  },
  unsetenv: { kind: 'list', value: 'NAME', describe: 'Remove a variable from the image' },
  unsetlabel: { kind: 'list', value: 'NAME', describe: 'Remove a label from the image' },
  'inherit-labels': {
    kind: 'optional',
    implicit: 'true',
    choices: ['true', 'false'],
    describe: 'Whether images and stages that FROM names give their labels (default true)',
  },
  from: { kind: 'text', value: 'IMAGE', describe: 'Image in place of that of the first FROM' },
} as const satisfies OptionTable;

/** What of them is done to an image when its steps are done. */
export interface ImageEditRequest {
  readonly edits: ImageEdits;
  readonly createdAnnotation: boolean;
  readonly env: ReadonlyMap<string, string>;
  readonly inheritLabels: boolean;
  readonly from: string | undefined;
}

/** Throws `usage`. */
export function imageEditRequest(
  options: OptionValues<typeof imageEditOptions> & {
    readonly 'source-date-epoch': string | undefined;
  },
  env: CliContext['env'],
): ImageEditRequest {
  const { squash, timestamp, from } = options;
  if (timestamp !== undefined && options['source-date-epoch'] !== undefined) {
    throw new TsbuildError('usage', '--timestamp and --source-date-epoch exclude each other', {
      hint: '--source-date-epoch changes times that are later, --timestamp all',
    });
  }
  if (from === '') throw new TsbuildError('usage', '--from is empty');
  const edits: ImageEdits = {
    unsetEnv: options.unsetenv,
    unsetLabels: options.unsetlabel,
    omitHistory: options['omit-history'],
    squash: options['squash-all'] ? 'all' : squash ? 'new' : 'none',
    timestamp: timestamp === undefined ? undefined : wholeNumber('--timestamp', timestamp),
  };
  return {
    edits,
    env: new Map(options.env.flatMap((text) => parseVariable(text, env))),
    createdAnnotation: options['created-annotation'],
    inheritLabels: options['inherit-labels'] !== 'false',
    from,
  };
}

function parseVariable(text: string, env: CliContext['env']): readonly (readonly [string, string])[] {
  const [name, given] = text.includes('=') ? splitPair('--env', text) : [text];
  const value = given ?? env[name];
  if (/^[A-Za-z_][\w.-]*$/.test(name) && value?.includes('\n') !== true) {
    return value === undefined ? [] : [[name, value]];
  }
  throw new TsbuildError('usage', `--env cannot set ${JSON.stringify(name)}`, {
    hint: 'names are of letters, digits and _, values of one line',
  });
}

/** Refuses what an image that is a cache of itself cannot be: its records name the layers of its steps. */
export function refuseInline({ edits }: ImageEditRequest, cacheTo: readonly string[]): void {
  const changed =
    edits.squash !== 'none' ? '--squash' : edits.timestamp !== undefined ? '--timestamp' : undefined;
  if (changed === undefined || !cacheTo.some((cache) => cache.split(',').includes('type=inline'))) return;
  throw new TsbuildError(
    'unsupported',
    `${changed} leaves no layers that --cache-to type=inline could name`,
    {
      hint: 'use --cache-to type=registry',
    },
  );
}
