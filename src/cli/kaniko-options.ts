import type { OptionTable } from './option-table.js';
import { peerFlags, type PeerFlag } from './peer-flags.js';

/** Flags of kaniko's executor that mean something here. Names and grammar are its own. */
export const kanikoOptions = {
  context: {
    kind: 'text',
    short: 'c',
    value: 'PLACE',
    describe:
      'Build context: dir://FOLDER, a folder, tar://FILE, tar://stdin, git://…, https://… (default /workspace)',
  },
  'context-sub-path': { kind: 'text', value: 'FOLDER', describe: 'Folder of the context to build in' },
  dockerfile: { kind: 'text', short: 'f', value: 'FILE', describe: 'Dockerfile (default Dockerfile)' },
  destination: { kind: 'list', short: 'd', value: 'NAME[:TAG]', describe: 'Name to push' },
  target: { kind: 'text', value: 'STAGE', describe: 'Stage to build' },
  'build-arg': { kind: 'list', value: 'NAME[=VALUE]', describe: 'Value of an ARG' },
  label: { kind: 'list', value: 'NAME=VALUE', describe: 'Label of the image' },
  annotation: { kind: 'list', value: 'NAME=VALUE', describe: 'Annotation of the image' },
  secret: { kind: 'list', value: 'id=ID,…', describe: 'Secret for RUN --mount=type=secret' },
  'custom-platform': { kind: 'text', value: 'OS/ARCH[/VARIANT]', describe: 'Platform to build for' },
  'single-snapshot': { kind: 'flag', describe: 'Make one layer of those that the build adds to its base' },
  'no-push': { kind: 'flag', describe: 'Build and do not push' },
  'tar-path': { kind: 'text', value: 'FILE', describe: 'Write an archive for docker load' },
  'oci-layout-path': { kind: 'text', value: 'FOLDER', describe: 'Write an OCI layout' },
  'digest-file': { kind: 'text', value: 'FILE', describe: 'Write the digest of the manifest' },
  'image-name-with-digest-file': {
    kind: 'text',
    value: 'FILE',
    describe: 'Write NAME@DIGEST of each destination',
  },
  'image-name-tag-with-digest-file': {
    kind: 'text',
    value: 'FILE',
    describe: 'Write NAME:TAG@DIGEST of each destination',
  },
  cache: { kind: 'flag', describe: 'Keep the cache in a registry too' },
  'cache-repo': {
    kind: 'text',
    value: 'NAME',
    describe: 'Where (default the first destination with /cache)',
  },
  'no-push-cache': { kind: 'flag', describe: 'Use the cache of the registry and add nothing to it' },
  'cache-ttl': { kind: 'text', value: 'DURATION', describe: 'Run a RUN step again when its result is older' },
  reproducible: { kind: 'flag', describe: 'Give the image and its files the time 0' },
  compression: { kind: 'text', value: 'KIND', choices: ['gzip', 'zstd'], describe: 'Compression of layers' },
  'compression-level': { kind: 'text', value: 'N', describe: 'Level of the compression' },
  insecure: { kind: 'flag', describe: 'Push without a valid certificate, or with plain HTTP' },
  'skip-tls-verify': { kind: 'flag', describe: 'The same' },
  'insecure-pull': { kind: 'flag', describe: 'Check certificates nowhere' },
  'skip-tls-verify-pull': { kind: 'flag', describe: 'The same' },
  'insecure-registry': {
    kind: 'list',
    value: 'HOST',
    describe: 'Registry to use without a valid certificate',
  },
  'skip-tls-verify-registry': { kind: 'list', value: 'HOST', describe: 'The same' },
  'registry-certificate': { kind: 'list', value: 'HOST=FILE', describe: 'Authority to trust for a registry' },
  'registry-client-cert': {
    kind: 'list',
    value: 'HOST=CERT,KEY',
    describe: 'Client certificate for a registry',
  },
  'registry-mirror': { kind: 'list', value: 'HOST[/PATH]', describe: 'Mirror of Docker Hub' },
  'registry-map': { kind: 'list', value: 'REGISTRY=HOST[/PATH];…', describe: 'Mirrors of registries' },
  'skip-default-registry-fallback': { kind: 'flag', describe: 'Pull from mirrors only where there are some' },
  'push-retry': { kind: 'text', value: 'N', describe: 'Further attempts after a failed request' },
  'image-download-retry': { kind: 'text', value: 'N', describe: 'The same' },
  'push-ignore-immutable-tag-errors': {
    kind: 'flag',
    describe: 'Succeed when a tag is there already and may not be moved',
  },
  'skip-push-permission-check': {
    kind: 'flag',
    describe: 'Do not ask before the build whether the push is allowed',
  },
  verbosity: {
    kind: 'text',
    short: 'v',
    value: 'LEVEL',
    choices: ['panic', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    describe: 'panic, fatal and error show no progress',
  },
  'log-format': {
    kind: 'text',
    value: 'FORMAT',
    choices: ['text', 'color', 'json'],
    describe: 'json: progress as JSON',
  },
} as const satisfies OptionTable;

const inPlace = 'tsbuild does not build inside its own root file system';
const cached = 'every step is cached';

/** Those that mean nothing here: ignored when the image is the same without them. */
export const kanikoPeerFlags: readonly PeerFlag[] = [
  ...peerFlags(
    'ignored',
    inPlace,
    '--snapshot-mode= --kaniko-dir= --cleanup --force --use-new-run --pre-cleanup',
  ),
  ...peerFlags(
    'ignored',
    inPlace,
    '--ignore-var-run --whitelist-var-run --preserve-context --image-fs-extract-retry=',
  ),
  ...peerFlags('ignored', cached, '--cache-copy-layers --cache-run-layers --cache-dir= --compressed-caching'),
  ...peerFlags('ignored', 'stages that the target does not need are never built', '--skip-unused-stages'),
  ...peerFlags(
    'ignored',
    'instructions that change only the configuration make no layers',
    '--force-build-metadata',
  ),
  ...peerFlags('ignored', 'lines of a step carry times with --progress=plain', '--log-timestamp'),
  ...peerFlags('ignored', "docker's config.json names the helpers", '--credential-helpers='),
  ...peerFlags('ignored', 'contexts in buckets are not supported', '--bucket= -b='),
  ...peerFlags('refused', 'delete the files in the step that makes them', '--ignore-path='),
  ...peerFlags('refused', 'branch and commit belong to the URL: git://host/repository#branch', '--git='),
  ...peerFlags('refused', 'use tsbuild plan', '--dryrun'),
];
