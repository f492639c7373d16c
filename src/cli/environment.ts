import { TsbuildError } from '../util/errors.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Row = readonly [name: string, meaning: string];

/** What is read of the environment, for the reference. */
export const environment: readonly Row[] = [
  ['TSBUILD_ROOT', 'folder of the store (default `$XDG_DATA_HOME/tsbuild` or `~/.local/share/tsbuild`)'],
  ['SOURCE_DATE_EPOCH', 'as `--source-date-epoch`'],
  ['DOCKER_DEFAULT_PLATFORM', 'as `--platform` of a build'],
  ['BUILDKIT_PROGRESS', 'as `--progress`'],
  ['BUILDKIT_TTY_LOG_LINES', 'how many output lines a running step shows on a terminal (default 6)'],
  ['NO_COLOR', 'no colours when it is not empty'],
  ['FORCE_COLOR', 'colours also where there is no terminal'],
  ['BUILDX_METADATA_WARNINGS', '`true`: the file of `--metadata-file` has `buildx.build.warnings`'],
  ['DOCKER_CONFIG', 'folder of Docker’s config.json, which has the credentials (default `~/.docker`)'],
  ['REGISTRY_AUTH_FILE', 'as `--authfile`'],
  ['DOCKER_HOST', 'daemon of `--load`; nothing else needs one'],
  ['CONTAINERS_REGISTRIES_CONF', 'registries.conf with mirrors and registries without TLS'],
  ['HTTP_PROXY, HTTPS_PROXY, NO_PROXY', 'proxy of requests to registries and other servers'],
  ['SSL_CERT_FILE, NODE_EXTRA_CA_CERTS', 'certificates of authorities to trust'],
  ['SSH_AUTH_SOCK', 'agent of `--ssh default`'],
];

/** Variables that users of docker build set and that are not read, or not followed. */
export const otherVariables: readonly Row[] = [
  ['BUILDX_GIT_LABELS', 'error: the labels are not made; use `--label`'],
  ['EXPERIMENTAL_BUILDKIT_SOURCE_POLICY', 'error: the policy would not be followed; name bases by digest'],
  ['DOCKER_BUILDKIT', '`0` gives a warning: there is no other builder'],
  ['DOCKER_CONTENT_TRUST', '`1` gives a warning: signatures are not verified; name bases by digest'],
  ['BUILDX_BUILDER, BUILDX_CONFIG, BUILDX_INSTANCE, BUILDKIT_HOST, DOCKER_CONTEXT', 'not read: no builder'],
  ['BUILDX_NO_DEFAULT_ATTESTATIONS, BUILDX_NO_DEFAULT_LOAD', 'not read: neither is done unless asked for'],
  ['BUILDX_METADATA_PROVENANCE', 'not read: see `--metadata-file` below'],
  ['BUILDX_GIT_INFO, BUILDX_GIT_CHECK_DIRTY', 'not read: they belong to the record of a builder'],
  ['BUILDKIT_COLORS, BUILDX_EXPERIMENTAL, DOCKER_CLI_HINTS', 'not read: they change no result'],
];

/** Throws `unsupported` for a variable that would change the result of docker build and is not followed. */
export function refuseVariables(env: Environment): void {
  if (/^(?:1|t|true|full)$/i.test(env['BUILDX_GIT_LABELS'] ?? '')) {
    throw new TsbuildError('unsupported', 'BUILDX_GIT_LABELS is not supported', {
      hint: 'unset it and write --label org.opencontainers.image.revision=$(git rev-parse HEAD)',
    });
  }
  if ((env['EXPERIMENTAL_BUILDKIT_SOURCE_POLICY'] ?? '') !== '') {
    throw new TsbuildError('unsupported', 'EXPERIMENTAL_BUILDKIT_SOURCE_POLICY is not supported', {
      hint: 'unset it and name bases by digest',
    });
  }
}

/** What is said of variables that ask for something else than a build by tsbuild. */
export function variableWarnings(env: Environment): readonly string[] {
  return [
    ...(/^(?:0|f|false)$/i.test(env['DOCKER_BUILDKIT'] ?? '')
      ? ['DOCKER_BUILDKIT=0 is ignored: tsbuild follows BuildKit']
      : []),
    ...(isTrue(env['DOCKER_CONTENT_TRUST'])
      ? ['DOCKER_CONTENT_TRUST is ignored: signatures are not verified; name bases by digest instead']
      : []),
  ];
}

/** Whether a variable says yes, in the spellings of Go's strconv.ParseBool. */
export function isTrue(text = ''): boolean {
  return /^(?:1|t|true)$/i.test(text);
}
