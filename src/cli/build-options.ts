import { progressKinds } from '../progress/kinds.js';
import { entitlements } from './allow-option.js';
import { formOptions } from './form-options.js';
import { imageEditOptions } from './image-edit-options.js';
import type { OptionTable } from './option-table.js';
import { registryOptions } from './registry-request.js';
import { stepOptions } from './step-options.js';

export const pullPolicies = ['always', 'missing', 'never', 'newer'] as const;
export const isolationModes = ['auto', 'rootful', 'rootless', 'single-id', 'chroot', 'none'] as const;
export const networks = ['default', 'host', 'none'] as const;

/** Options of `tsbuild build`. Names and grammar are those of `docker buildx build` and `buildah build`. */
export const buildOptions = {
  file: {
    emptyIsNone: true,
    kind: 'text',
    short: 'f',
    value: 'FILE',
    describe: 'Dockerfile; - reads it from standard input (default CONTEXT/Dockerfile)',
  },
  tag: { kind: 'list', short: 't', value: 'NAME[:TAG]', describe: 'Name of the image' },
  target: {
    emptyIsNone: true,
    kind: 'list',
    value: 'STAGE',
    describe:
      'Stage to build, by name or number (default the last); of several each is built, and {target} stands for it in names of results',
  },
  'build-arg': {
    kind: 'list',
    value: 'NAME[=VALUE]',
    describe: 'Value of an ARG; without = it is taken from the environment',
  },
  'build-arg-file': {
    kind: 'list',
    value: 'FILE',
    describe: 'File of build arguments, one a line; --build-arg wins over it',
  },
  label: { kind: 'list', value: 'NAME=VALUE', describe: 'Label of the image' },
  annotation: {
    kind: 'list',
    value: '[LEVEL[PLATFORM]:]NAME=VALUE',
    describe:
      'Annotation of the image; LEVEL is manifest (default), index, manifest-descriptor or index-descriptor, [PLATFORM] may follow, several are separated by commas',
  },
  platform: {
    kind: 'list',
    value: 'OS/ARCH[/VARIANT],…',
    describe: 'Platforms to build for (default the own); several give one image index',
  },
  'no-cache': { kind: 'flag', describe: 'Run every step, whatever is cached' },
  'dry-run': {
    kind: 'flag',
    describe: 'Print which steps are in the cache and build nothing, as tsbuild plan',
  },
  refresh: {
    kind: 'list',
    value: 'STAGE[:LINE]',
    describe: 'Run the steps of a stage, or the one on a line of the Dockerfile, again',
  },
  'build-context': {
    emptyIsNone: true,
    kind: 'list',
    value: 'NAME=VALUE',
    describe:
      'Stand-in for a stage or image: a folder, a tar, a URL, docker-image://REFERENCE or oci-layout://PATH:TAG',
  },
  'no-cache-filter': {
    emptyIsNone: true,
    kind: 'list',
    value: 'STAGE,…',
    describe: 'The same as --refresh for several stages',
  },
  'cache-ttl': {
    kind: 'text',
    value: 'DURATION',
    describe: 'Run a RUN step again when its cached result is older; "# tsbuild:ttl=24h" above it wins',
  },
  'cache-from': {
    emptyIsNone: true,
    kind: 'list',
    value: 'type=TYPE,…',
    describe:
      'Cache to read: type=registry,ref=NAME (NAME alone will do), local,src=FOLDER, s3,bucket=NAME or gha; asked in order',
  },
  'cache-to': {
    emptyIsNone: true,
    kind: 'list',
    value: 'type=TYPE,…',
    describe:
      'Cache to write: type=registry,ref=NAME, local,dest=FOLDER, s3,bucket=NAME, gha or inline; with mode=min|max, mounts=true, compression=, ignore-error=true',
  },
  pull: {
    kind: 'optional',
    implicit: 'always',
    value: 'POLICY',
    choices: [...pullPolicies, 'true', 'false'],
    describe: 'When to ask the registry what a tag means: always, missing, never or newer',
  },
  output: {
    emptyIsNone: true,
    kind: 'list',
    short: 'o',
    value: 'type=TYPE,dest=PATH',
    describe:
      'Where the result goes: type=oci, docker, tar, local, image or registry; PATH alone is a folder, - a tar on standard output',
  },
  ...formOptions,
  push: { kind: 'flag', describe: 'Push the image to the registries of its names' },
  load: { kind: 'flag', describe: 'Load the image into the Docker daemon too; an error where there is none' },
  secret: {
    emptyIsNone: true,
    kind: 'list',
    value: 'id=ID[,src=FILE|,env=NAME]',
    describe: 'Secret for RUN --mount=type=secret',
  },
  ...stepOptions,
  network: {
    emptyIsNone: true,
    kind: 'text',
    value: 'MODE',
    choices: networks,
    describe: 'Network of RUN steps that do not name one',
  },
  'add-host': {
    emptyIsNone: true,
    kind: 'list',
    value: 'NAME:ADDRESS',
    describe: 'Line for /etc/hosts of RUN steps',
  },
  allow: {
    emptyIsNone: true,
    kind: 'list',
    value: 'ENTITLEMENT',
    describe: `What the Dockerfile may ask for: ${entitlements.join(', ')}, device or device=NAME[,alias=OTHER]`,
  },
  isolation: {
    emptyIsNone: true,
    kind: 'text',
    value: 'MODE',
    choices: [...isolationModes, 'oci', 'default'],
    describe: `How RUN steps are isolated: ${isolationModes.join(', ')}`,
  },
  jobs: { kind: 'text', value: 'N', describe: 'How many RUN steps may run at the same time' },
  ignorefile: { kind: 'text', value: 'FILE', describe: 'File to use in place of .dockerignore' },
  'source-date-epoch': {
    kind: 'text',
    value: 'SECONDS',
    describe:
      'Time given to the image and to files newer than it; context takes that of a git or http context (default $SOURCE_DATE_EPOCH)',
  },
  'rewrite-timestamp': {
    kind: 'optional',
    value: 'BOOL',
    implicit: 'true',
    choices: ['true', 'false'],
    describe:
      'Whether files newer than that time get it too; false gives it to the configuration alone (default true)',
  },
  ...imageEditOptions,
  iidfile: {
    emptyIsNone: true,
    kind: 'text',
    value: 'FILE',
    describe: 'Write the digest of the image configuration to a file',
  },
  'metadata-file': {
    emptyIsNone: true,
    kind: 'text',
    value: 'FILE',
    describe: 'Write digests and names of the result to a file, as JSON',
  },
  check: { kind: 'flag', describe: 'Check the Dockerfile and build nothing: --call=check' },
  call: {
    emptyIsNone: true,
    kind: 'text',
    value: 'METHOD[,format=json]',
    describe: 'What to do with the Dockerfile: build, check, outline or targets',
  },
  'debug-shell': {
    kind: 'flag',
    describe: 'When a RUN step fails, start a shell in it; needs a terminal',
  },
  logfile: {
    kind: 'text',
    value: 'FILE',
    describe: 'Write what is printed to a new file instead, but for the error that ends the command',
  },
  quiet: { kind: 'flag', short: 'q', describe: 'Print only the digest of the image' },
  progress: {
    emptyIsNone: true,
    kind: 'text',
    value: 'KIND',
    choices: progressKinds,
    describe: `How progress is shown: ${progressKinds.join(', ')} (default $BUILDKIT_PROGRESS or auto)`,
  },
  ...registryOptions,
} as const satisfies OptionTable;
