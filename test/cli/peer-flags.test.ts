import test from 'ava';
import { buildOptions } from '../../src/cli/build-options.js';
import { buildPeerFlags } from '../../src/cli/peer-flags.js';

/** Flags of the peers' build commands: `docker buildx build`, `buildah build` and kaniko's executor. */
const peers = {
  buildx: `add-host allow annotation attest build-arg build-context builder cache-from cache-to call cgroup-parent
    check file iidfile label load metadata-file network no-cache no-cache-filter output platform policy progress
    provenance pull push quiet resource sbom secret shm-size ssh tag target ulimit debug rm force-rm compress isolation
    memory memory-swap cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems security-opt squash`,
  buildah: `add-host all-platforms annotation arch authfile build-arg build-arg-file build-context cache-from
    cache-to cache-ttl cap-add cap-drop cert-dir cgroup-parent cgroupns compat-volumes compress compression-format
    compression-level cpp-flag cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems created-annotation creds cw
    decryption-key device disable-compression disable-content-trust dns dns-option dns-search env file force-compression
    force-rm format from group-add hooks-dir http-proxy identity-label ignorefile iidfile iidfile-raw
    inherit-annotations inherit-labels ipc isolation jobs label layer-label layers logfile logsplit manifest memory
    memory-swap metadata-file mount network no-cache no-hostname no-hosts omit-history os os-feature os-version output
    pid platform pull quiet retry retry-delay rewrite-timestamp rm runtime runtime-flag save-stages sbom
    sbom-image-output sbom-image-purl-output sbom-merge-strategy sbom-output sbom-purl-output sbom-scanner-command
    sbom-scanner-image secret security-opt shm-size sign-by skip-unused-stages source-date-epoch source-policy-file
    squash ssh stage-labels stdin tag target timestamp tls-verify ulimit unsetannotation unsetenv unsetlabel userns
    userns-gid-map userns-gid-map-group userns-uid-map userns-uid-map-user uts variant volume`,
  kaniko: `bucket build-arg cache cache-copy-layers cache-dir cache-repo cache-run-layers cache-ttl cleanup
    compressed-caching compression compression-level context context-sub-path custom-platform destination digest-file
    dockerfile force force-build-metadata git ignore-path ignore-var-run image-download-retry image-fs-extract-retry
    image-name-tag-with-digest-file image-name-with-digest-file insecure insecure-pull insecure-registry kaniko-dir
    label log-format log-timestamp no-push no-push-cache oci-layout-path push-ignore-immutable-tag-errors push-retry
    registry-certificate registry-client-cert registry-map registry-mirror reproducible single-snapshot
    skip-default-registry-fallback skip-push-permission-check skip-tls-verify skip-tls-verify-pull
    skip-tls-verify-registry skip-unused-stages snapshot-mode tar-path target use-new-run verbosity whitelist-var-run`,
};

const known = new Set<string>([
  ...Object.keys(buildOptions).map((name) => `--${name}`),
  ...buildPeerFlags.map(({ name }) => name),
]);

const everyFlag = test.macro({
  exec(t, names: string) {
    const list = names.split(/\s+/);
    t.true(list.length > 40);
    t.deepEqual(
      list.filter((name) => !known.has(`--${name}`)),
      [],
    );
  },
  title: (title) => `every build flag of ${title ?? ''} is known by name`,
});
for (const [peer, names] of Object.entries(peers)) test(peer, everyFlag, names);

test('no flag has two verdicts, and none is an option too', (t) => {
  const names = buildPeerFlags.map(({ name }) => name);
  t.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index || name.slice(2) in buildOptions),
    [],
  );
  const shorts = new Set(
    Object.values(buildOptions).flatMap((spec) => ('short' in spec ? [`-${spec.short}`] : [])),
  );
  t.deepEqual(
    names.filter((name) => shorts.has(name)),
    [],
  );
});

test('flags are ignored only when they cannot change the result', (t) => {
  t.deepEqual(
    buildPeerFlags.filter(({ verdict }) => verdict === 'ignored').map(({ name }) => name),
    [
      '--rm',
      '--force-rm',
      '--builder',
      '--compress',
      '--layers',
      '--unsetannotation',
      '--inherit-annotations',
      '--skip-unused-stages',
      '--snapshot-mode',
      '--cleanup',
      '--use-new-run',
      '--force',
      '--kaniko-dir',
      '--reproducible',
    ],
  );
});

test('every verdict gives a reason in one phrase', (t) => {
  for (const { name, say } of buildPeerFlags) {
    t.regex(say, /^[^\s].{3,}[^.\s]$/u, name);
  }
});
