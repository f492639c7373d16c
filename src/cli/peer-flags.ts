/**
 * Flags of other builders' `build` command that tsbuild does not have, as data: what happens when one is given and
 * what the user is told. A flag is ignored only when it cannot change the result; every other one is an error.
 */
export interface PeerFlag {
  readonly name: `--${string}` | `-${string}`;
  readonly short?: `-${string}` | undefined;
  /** Whether an ignored flag is followed by a value. */
  readonly takes: 'value' | 'nothing';
  /** `planned` is an error that says "not yet". */
  readonly verdict: 'ignored' | 'planned' | 'refused';
  /** The reason, or what to do instead: a phrase without a full stop. */
  readonly say: string;
  /** Where `=false` of an ignored flag would change the result: what to do instead. It is an error then. */
  readonly unlessFalse?: string | undefined;
  /** The same for the flag without a value and `=true`. */
  readonly unlessTrue?: string | undefined;
}

type Names = string;

/** Flags with one verdict and reason; `names` are separated by blanks, `=` after one says that it takes a value. */
export function peerFlags(verdict: PeerFlag['verdict'], say: string, names: Names): PeerFlag[] {
  return names.split(' ').map((word) => {
    const [name = word, value] = word.split('=');
    return { name: name as `--${string}`, takes: value === undefined ? 'nothing' : 'value', verdict, say };
  });
}

function one(verdict: PeerFlag['verdict'], name: Names, say: string): PeerFlag[] {
  return peerFlags(verdict, say, name);
}

function switches(name: Names, about: Pick<PeerFlag, 'say' | 'unlessFalse'>): PeerFlag[] {
  return peerFlags('ignored', about.say, name).map((flag) => ({ ...flag, ...about }));
}

const sandboxFixed =
  'the sandbox of a step is the same everywhere, so that results do not depend on the machine';
const limits = 'use --memory, --cpus and --pids-limit';
const platformForm = 'write --platform os/architecture[/variant]';
const inPlace = 'tsbuild does not build inside its own root file system';
const kanikoOutput = 'use -o type=oci,dest=FILE, -o type=docker,dest=FILE or --metadata-file';
const ownAnnotations = 'an image has no annotations of its base';
const kanikoTls = 'use --insecure-registry HOST or --tls-verify=false';

/** Accepted with a warning. */
const ignored: readonly PeerFlag[] = [
  ...one('ignored', '--rm', 'tsbuild leaves no intermediate containers behind'),
  ...one('ignored', '--force-rm', 'tsbuild leaves no intermediate containers behind'),
  ...one('ignored', '--builder=', 'there are no builder instances to choose from'),
  ...one('ignored', '--compress', 'the context is not sent anywhere'),
  ...switches('--layers', {
    say: 'steps are always cached, and have layers of their own',
    unlessFalse: '--no-cache runs every step again',
  }),
  ...one('ignored', '--unsetannotation=', ownAnnotations),
  ...one('ignored', '--inherit-annotations', ownAnnotations).map((flag) => ({
    ...flag,
    unlessTrue: 'give them with --annotation',
  })),
  ...one('ignored', '--skip-unused-stages', 'stages that the target does not need are never built'),
  ...one('ignored', '--snapshot-mode=', inPlace),
  ...peerFlags('ignored', inPlace, '--cleanup --use-new-run --force --kaniko-dir='),
  ...one(
    'ignored',
    '--reproducible',
    'equal inputs give equal images; set SOURCE_DATE_EPOCH for the times too',
  ),
];

/** Docker's buildx. */
const buildx: readonly PeerFlag[] = [
  ...one('refused', '--cgroup-parent=', limits),
  ...peerFlags('planned', 'no attestation is made', '--attest= --provenance --sbom'),
  ...one('planned', '--resource=', limits),
  ...one('refused', '--policy=', 'name bases by digest instead'),
  ...one('planned', '--debug', '--progress=plain shows everything that happens'),
  ...one('planned', '-D', '--progress=plain shows everything that happens'),
];

/** buildah and podman. */
const buildah: readonly PeerFlag[] = [
  ...peerFlags('refused', platformForm, '--arch= --os= --variant= --os-version= --os-feature='),
  ...one('planned', '--all-platforms', 'name the platforms: --platform linux/amd64,linux/arm64'),
  ...one('planned', '--manifest=', 'name the image with -t: several platforms give one index'),
  ...peerFlags(
    'refused',
    'tsbuild adds no labels of its own; use --label',
    '--identity-label --layer-label= --stage-labels',
  ),
  ...peerFlags(
    'refused',
    'a build must not depend on folders of the host: copy them, or use RUN --mount=type=bind',
    '--volume= -v',
  ),
  ...one('refused', '--compat-volumes', 'VOLUME only declares a volume; a later RUN may write below it'),
  ...one('planned', '--mount=', 'use RUN --mount in the Dockerfile'),
  ...one('planned', '--save-stages', 'build the stage with --target and give it a name'),
  ...peerFlags('planned', sandboxFixed, '--cap-add= --cap-drop= --security-opt='),
  ...one('planned', '--device=', 'use RUN --device in the Dockerfile, with --allow device'),
  ...one('planned', '--http-proxy', 'give the proxy with --build-arg HTTP_PROXY'),
  ...peerFlags(
    'refused',
    sandboxFixed,
    '--cgroupns= --group-add= --hooks-dir= --ipc= --no-hostname --no-hosts --pid= --uts=',
  ),
  ...peerFlags(
    'refused',
    sandboxFixed,
    '--userns= --userns-gid-map= --userns-gid-map-group= --userns-uid-map= --userns-uid-map-user=',
  ),
  ...peerFlags('refused', 'tsbuild runs steps itself, without an OCI runtime', '--runtime= --runtime-flag='),
  ...peerFlags(
    'planned',
    limits,
    '--memory-swap= --cpu-period= --cpu-quota= --cpu-shares= --cpuset-cpus= --cpuset-mems=',
  ),
  ...peerFlags(
    'planned',
    'no bill of materials is made',
    '--sbom-output= --sbom-purl-output= --sbom-image-output= --sbom-image-purl-output=',
  ),
  ...peerFlags(
    'refused',
    'no bill of materials is made',
    '--sbom-merge-strategy= --sbom-scanner-command= --sbom-scanner-image=',
  ),
  ...one('planned', '--sign-by=', 'sign the pushed digest with a tool of its own'),
  ...one('planned', '--source-policy-file=', 'name bases by digest instead'),
  ...peerFlags(
    'refused',
    'encrypted images are not supported by most registries and runtimes',
    '--decryption-key= --cw=',
  ),
  ...one('refused', '--disable-content-trust', 'signatures are not verified; name bases by digest instead'),
  ...one('refused', '--logsplit', 'redirect the standard error output'),
  ...one('refused', '--stdin', 'steps have no standard input; use --secret or COPY'),
  ...one('refused', '--iidfile-raw', '--iidfile writes the digest with its algorithm'),
  ...one('refused', '--cpp-flag=', 'a Dockerfile is not preprocessed; use ARG'),
  ...one('refused', '--disable-compression', 'layers are compressed only where an output wants it'),
];

/** kaniko's executor; `tsbuild kaniko` takes its flags. */
const kaniko: readonly PeerFlag[] = [
  ...one('planned', '--context=', 'give the context as an argument: tsbuild build CONTEXT'),
  ...one('planned', '-c', 'give the context as an argument: tsbuild build CONTEXT'),
  ...one('planned', '--context-sub-path=', 'give the folder as the context'),
  ...one('planned', '--dockerfile=', 'use -f'),
  ...peerFlags('planned', 'use -t NAME --push', '--destination= -d'),
  ...one('planned', '--no-push', 'leave out --push'),
  ...peerFlags('planned', kanikoOutput, '--tar-path= --oci-layout-path='),
  ...peerFlags(
    'planned',
    kanikoOutput,
    '--digest-file= --image-name-with-digest-file= --image-name-tag-with-digest-file=',
  ),
  ...peerFlags(
    'planned',
    'the cache is always on and in the local store; keep its folder between runs',
    '--cache --cache-repo= --cache-dir= --cache-copy-layers --cache-run-layers --no-push-cache',
  ),
  ...one('planned', '--compressed-caching', 'layers are compressed only where an output wants it'),
  ...one('planned', '--custom-platform=', 'use --platform'),
  ...one('planned', '--single-snapshot', 'use --squash'),
  ...one('planned', '--compression=', 'use --compression-format'),
  ...peerFlags(
    'planned',
    kanikoTls,
    '--insecure --insecure-pull --skip-tls-verify --skip-tls-verify-pull --skip-tls-verify-registry=',
  ),
  ...one('planned', '--registry-certificate=', 'use --registry-ca FILE'),
  ...peerFlags('planned', 'use --registry-mirror', '--registry-map= --skip-default-registry-fallback'),
  ...peerFlags('planned', 'use --retry', '--push-retry= --image-download-retry= --image-fs-extract-retry='),
  ...peerFlags(
    'planned',
    'a push fails when the registry refuses it',
    '--push-ignore-immutable-tag-errors --skip-push-permission-check',
  ),
  ...peerFlags('planned', 'use --progress', '--verbosity= --log-format= --log-timestamp'),
  ...one('planned', '--ignore-path=', 'use .dockerignore for the context'),
  ...one(
    'planned',
    '--force-build-metadata',
    'instructions that only change the configuration make no layers',
  ),
  ...one('planned', '--git=', 'clone first, and give the folder as the context'),
  ...one('planned', '--bucket=', 'fetch the context first, and give its folder'),
  ...peerFlags('refused', inPlace, '--ignore-var-run --whitelist-var-run'),
];

/** All of them. A name that is also an option of tsbuild is not listed. */
export const buildPeerFlags: readonly PeerFlag[] = [...ignored, ...buildx, ...buildah, ...kaniko];
