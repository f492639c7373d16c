/** RUN --mount, --network and --security: what they become, what is refused, and what of them is in a key. */
import test from 'ava';
import { lower } from '../../src/graph/lower/lower.js';
import type { Entitlement, LowerRequest } from '../../src/graph/lower/lowering.js';
import type { ExecMount, ExecOp } from '../../src/graph/ops.js';
import { execRecipe } from '../../src/graph/runners/exec-recipe.js';
import { digestOf } from '../../src/oci/digest.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import { assertBuildable } from '../../src/parser/assert-buildable.js';
import { TsbuildError } from '../../src/util/errors.js';
import { lastRun } from '../helpers/lowered.js';

const platform = { os: 'linux', architecture: 'amd64' };

interface Given {
  readonly allow?: readonly Entitlement[];
  readonly network?: 'default' | 'host' | 'none';
  /** ONBUILD triggers of every image. */
  readonly onbuild?: readonly string[];
}

/** The last RUN of a Dockerfile. */
async function run(text: string, { allow = [], network, onbuild = [] }: Given = {}): Promise<ExecOp> {
  const dockerfile = parseDockerfile({ name: 'Dockerfile', text: `${text}\n` });
  assertBuildable(dockerfile);
  const request: LowerRequest = {
    dockerfile,
    identity: '/Dockerfile',
    platform,
    buildPlatform: platform,
    buildArgs: new Map(),
    labels: new Map(),
    ignoreCache: () => false,
    resolveImage: (name) =>
      Promise.resolve({
        name,
        configDigest: digestOf(name),
        config: {
          ...platform,
          config: { OnBuild: onbuild },
          rootfs: { type: 'layers', diff_ids: [] },
          history: [],
        },
        layers: [],
      }),
    network,
    entitlements: new Set(allow),
  };
  const { vertex } = await lower(request);
  return lastRun(vertex);
}

const becomes = test.macro({
  exec: async (t, flags: string, expected: readonly Partial<ExecMount>[], before = '') => {
    const { mounts } = await run(`FROM scratch AS other\nFROM scratch\n${before}\nRUN ${flags} true`);
    t.is(mounts.length, expected.length);
    for (const [index, part] of expected.entries()) t.like(mounts[index], part);
  },
  title: (title = '', flags) => `${title}: ${flags}`,
});

const context = (path: string) => ({ source: { input: 1, path } });

test('bind, the default type, from the whole context, read-only', becomes, '--mount=target=/x', [
  { kind: 'bind', target: '/x', writable: false, ...context('/') },
]);
test(
  'a relative target counts from WORKDIR',
  becomes,
  '--mount=target=x',
  [{ target: '/w/d/x' }],
  'WORKDIR /w/d',
);
test('an empty target is WORKDIR', becomes, '--mount=type=bind,target=.', [{ target: '/w' }], 'WORKDIR /w');
test('targets are cleaned', becomes, '--mount=target=/a//b/../c/', [{ target: '/a/c' }]);
test('a source cannot leave its root', becomes, '--mount=target=/x,source=../../etc', [context('/etc')]);
test('rw', becomes, '--mount=target=/x,rw', [{ writable: true }]);
test(
  'values are expanded',
  becomes,
  '--mount=target=/$A,source=$A',
  [{ target: '/v', ...context('/v') }],
  'ENV A=v',
);
test('equal inputs are one input', becomes, '--mount=target=/x,source=a --mount=target=/y,source=b', [
  context('/a'),
  context('/b'),
]);
test(
  'of equal targets the last counts',
  becomes,
  '--mount=target=/x,source=a --mount=type=tmpfs,target=/x/',
  [{ kind: 'tmpfs', target: '/x' }],
);
test('cache with its defaults', becomes, '--mount=type=cache,target=/x/', [
  { kind: 'cache', id: '/x', sharing: 'shared', mode: 0o755, uid: 0, gid: 0, readonly: false, path: '/' },
]);
test(
  'cache with everything',
  becomes,
  '--mount=type=cache,target=/x,id=i,sharing=LOCKED,mode=1777,uid=1,gid=2,ro',
  [{ id: 'i', sharing: 'locked', mode: 0o1777, uid: 1, gid: 2, readonly: true }],
);
test('a cache with a seed', becomes, '--mount=type=cache,target=/x,from=other,source=/s', [
  { kind: 'cache', path: '/', seed: { input: 1, path: '/s' } },
]);
test('a folder of a cache', becomes, '--mount=type=cache,target=/x,source=s/../t', [
  { kind: 'cache', path: '/t' },
]);
test('tmpfs with a size', becomes, '--mount=type=tmpfs,target=/x,size=1.5m', [
  { kind: 'tmpfs', size: 1572864 },
]);
test('secret with its defaults', becomes, '--mount=type=secret,id=s', [
  { kind: 'secret', id: 's', target: '/run/secrets/s', mode: 0o400, uid: 0, gid: 0, required: false },
]);
test('secret: the id is the last name of the target', becomes, '--mount=type=secret,target=k/tok', [
  { id: 'tok', target: '/k/tok' },
]);
test('secret as a variable has no file', becomes, '--mount=type=secret,id=s,env=S,required', [
  { kind: 'secret', env: 'S', required: true },
]);
test('ssh: sockets are numbered', becomes, '--mount=type=ssh --mount=type=ssh,id=b,mode=0666', [
  { kind: 'ssh', id: 'default', target: '/run/buildkit/ssh_agent.0', mode: 0o600 },
  { kind: 'ssh', id: 'b', target: '/run/buildkit/ssh_agent.1', mode: 0o666 },
]);

const refused = test.macro({
  exec: async (t, flags: string, message: RegExp, given: Given = {}) => {
    const text = flags.includes('FROM') ? flags : `FROM scratch\nRUN ${flags} true`;
    const error = await t.throwsAsync(run(text, given), { instanceOf: TsbuildError });
    t.regex(error?.message ?? '', message);
  },
  title: (title = '', flags: string) => `${title} refused: ${flags.replaceAll('\n', '⏎')}`,
});

for (const target of ['/', '/proc', '/sys', '/dev', '/proc/self', '/sys/fs', '..', '/x/..', '/dev/']) {
  test('DF-09: targets of the sandbox itself', refused, `--mount=target=${target}`, /mount|target|root/);
}
for (const [flags, message] of [
  ['--mount=type=bind,target=/x,bind-propagation=suid', /bind-propagation/],
  ['--mount=type=bind,target=/x,bind-propagation=shared', /bind-propagation/],
  ['--mount=type=bind,target=/x,readonly=maybe', /readonly/],
  ['--mount=type=bind,target=/x,rw,ro', /re?a?d?(only|write)|together|both/],
  ['--mount=type=tmpfs,target=/x,size=-1', /size/],
  ['--mount=type=cache,target=/x,mode=99999', /mode/],
  ['--mount=type=cache,target=/x,uid=4294967295', /uid/],
  ['--mount=type=cache,target=/x,uid=4294967296', /uid/],
  ['--mount=type=cache,target=/x,sharing=free', /sharing/],
  ['--mount=type=bind,target=/x,size=1', /size/],
  ['--mount=type=secret,id=s,sharing=shared', /sharing/],
  ['--mount=type=tmpfs,target=/x,required', /required/],
  ['--mount=type=volume,target=/x', /volume/],
  ['--mount=target=/x,target=/y', /twice/],
  ['--mount=type="bind ",target=/x', /bind/],
] as const) {
  test('CVE-2024-9407, DF-08, DF-11: options of --mount', refused, flags, message);
}

const insecure = /--security=insecure is not allowed/;
const hostNetwork = /--network=host is not allowed/;
test('DF-07: --security=insecure', refused, '--security=insecure', insecure);
test('DF-07: --network=host', refused, '--network=host', hostNetwork);
test('CVE-2024-23653: one right does not give another', refused, '--security=insecure', insecure, {
  allow: ['network.host'],
});
test('CVE-2024-23653: ONBUILD', refused, 'FROM base', insecure, { onbuild: ['RUN --security=insecure id'] });
test('DF-17: ONBUILD with the host network', refused, 'FROM base', hostNetwork, {
  onbuild: ['RUN --network=host id'],
});
test('CVE-2024-23653: a heredoc', refused, 'FROM scratch\nRUN --security=insecure <<E\nid\nE', insecure);
test(
  'CVE-2024-23653: a stage that is only mounted',
  refused,
  'FROM scratch AS a\nRUN --network=host id\nFROM scratch\nRUN --mount=from=a,target=/x id',
  hostNetwork,
);
for (const flag of [
  '--security=foo',
  '--security=Sandbox',
  '--network=hOsT',
  '--network=bridge',
  '--security=',
]) {
  test('GHSA-7236-3392-c5c6: words that are no mode', refused, flag, /security|network/);
}

const network = test.macro({
  exec: async (t, flag: string, given: Given, expected: ExecOp['network']) => {
    t.is((await run(`FROM scratch\nRUN ${flag} id`, given)).network, expected);
  },
  title: (title = '') => `network: ${title}`,
});

test('the default', network, '', {}, 'default');
test('the one of the command line', network, '', { network: 'none' }, 'none');
test('none is always allowed', network, '--network=none', { network: 'host' }, 'none');
test('host when it was granted', network, '--network=host', { allow: ['network.host'] }, 'host');
test('host when all steps have it', network, '--network=host', { network: 'host' }, 'host');
test(
  'host against a command line that says none',
  network,
  '--network=host',
  { network: 'none', allow: ['network.host'] },
  'host',
);

const keyed = test.macro({
  exec: async (t, a: string, b: string, same: boolean) => {
    const recipe = async (flags: string) => execRecipe(await run(`FROM scratch\nRUN ${flags} true`));
    if (same) t.deepEqual(await recipe(a), await recipe(b));
    else t.notDeepEqual(await recipe(a), await recipe(b));
  },
  title: (_, a, b, same) => `key: ${a} and ${b} are ${same ? 'equal' : 'different'}`,
});

test(keyed, '--mount=type=cache,target=/x,id=a', '--mount=type=cache,target=/x,id=b,sharing=locked', true);
test(keyed, '--mount=type=cache,target=/x', '--mount=type=cache,target=/y', false);
test(keyed, '--mount=type=cache,target=/x', '', false);
test(keyed, '--mount=type=tmpfs,target=/x', '--mount=type=tmpfs,target=/x,size=1m', true);
test(keyed, '--mount=type=secret,id=a', '--mount=type=secret,id=b', false);
test(keyed, '--mount=type=secret,id=a', '--mount=type=secret,id=a,target=/y', false);
test(keyed, '--mount=type=secret,id=a', '--mount=type=secret,id=a,required', true);
test(keyed, '--mount=target=/x', '--mount=target=/x,rw', false);
test(keyed, '--mount=type=ssh', '--mount=type=ssh,id=b', false);
test(keyed, '--network=none', '', false);
