/** --format and --compression-*: the form of outputs that say nothing else, and never ignored. */
import test from 'ava';
import { buildOptions } from '../../src/cli/build-options.js';
import { parseOutputs } from '../../src/cli/build-outputs.js';
import { buildRequest } from '../../src/cli/build-request.js';
import { parseArgs } from '../../src/cli/parse-args.js';
import type { ImageForm } from '../../src/image/output.js';
import { TsbuildError } from '../../src/util/errors.js';
import { TextStream } from '../helpers/cli-run.js';

const spec = {
  name: 'build',
  summary: '',
  positionals: 'CONTEXT',
  arity: [1, 1],
  options: buildOptions,
  run: () => Promise.resolve(0),
} as const;

function forms(...args: readonly string[]): readonly ImageForm[] {
  const parsed = parseArgs(spec, [...args, '.']);
  if (parsed === 'help') throw new Error('help');
  const request = buildRequest('.', parsed.options, { env: {}, cwd: '/' });
  const stream = new TextStream();
  const { exports, pushes } = parseOutputs(request, {
    env: {},
    cwd: '/',
    stdout: stream,
    stderr: stream,
    stdin: process.stdin,
    signal: new AbortController().signal,
  });
  return [...exports.flatMap((one) => ('form' in one ? [one.form] : [])), ...pushes.map(({ form }) => form)];
}

type Row = readonly [rule: string, args: readonly string[], ...forms: readonly Partial<ImageForm>[]];
const push = ['--push', '-t', 'r.example/x'];
const rows: readonly Row[] = [
  ['nothing', push, { compression: undefined, ociMediaTypes: true, forceCompression: false }],
  ['--format docker', ['--format=docker', ...push], { ociMediaTypes: false }],
  ['--format oci', ['--format=oci', ...push], { ociMediaTypes: true }],
  ['--compression-format', ['--compression-format=zstd', ...push], { compression: 'zstd' }],
  ['uncompressed', ['--compression-format=uncompressed', ...push], { compression: 'none' }],
  ['--compression-level', ['--compression-level=9', ...push], { compressionLevel: 9 }],
  ['--force-compression', ['--force-compression', ...push], { forceCompression: true }],
  [
    'an output goes before them',
    [
      '--format=docker',
      '--compression-format=zstd',
      '-o',
      'type=oci,dest=x,compression=gzip,oci-mediatypes=true',
    ],
    { compression: 'gzip', ociMediaTypes: true },
  ],
  [
    'each output that says nothing',
    ['--compression-format=zstd', '-o', 'type=oci,dest=x', '-o', 'type=docker,dest=y', ...push],
    { compression: 'zstd' },
    { compression: 'zstd' },
    { compression: 'zstd' },
  ],
];
for (const [rule, args, ...expected] of rows) {
  test(`form: ${rule}`, (t) => {
    const found = forms(...args);
    t.is(found.length, expected.length);
    for (const [i, form] of expected.entries()) t.like(found[i], form);
  });
}

const refused: readonly (readonly [rule: string, args: readonly string[], message: RegExp])[] = [
  ['a format that nothing is written in', ['--format=docker'], /images that leave the store/],
  ['a compression of files', ['--compression-format=zstd', '-o', 'out'], /images that leave the store/],
  ['a level that gzip does not have', ['--compression-level=22', ...push], /gzip has levels/],
  ['a level that is no number', ['--compression-level=x', ...push], /whole number/],
];
for (const [rule, args, message] of refused) {
  test(`refused: ${rule}`, (t) => void t.throws(() => forms(...args), { instanceOf: TsbuildError, message }));
}

test('the default format needs no output', (t) => t.deepEqual(forms('--format=oci'), []));
