import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseReference } from '../../src/oci/reference.js';
import { parseRegistriesConf, readRegistriesConf } from '../../src/registry/registries-conf.js';
import { withRules } from '../../src/registry/rules.js';
import type { RegistryClient, RegistryRule } from '../../src/registry/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { quickClient, recordedJob } from '../helpers/registry-values.js';
import { scratchOf } from '../helpers/stores.js';

const sample = `
unqualified-search-registries = ["quay.io"]
[[registry]]
prefix = "docker.io"
location = "registry.corp:5000/hub"
insecure = true
[[registry.mirror]]
location = "mirror.corp/hub"
insecure = true
[[registry.mirror]]
location = "other.corp"
pull-from-mirror = "digest-only"
[[registry]]
location = "evil.example"
blocked = true
[[registry]]
prefix = "*.internal"
mirror-by-digest-only = true
[[registry.mirror]]
location = "cache.internal:5000"
`;

test('prefixes, locations, mirrors, blocked and insecure registries are read', async (t) => {
  const { rules, insecure } = await parseRegistriesConf(sample, 'registries.conf');
  t.deepEqual(insecure, ['registry.corp:5000', 'mirror.corp']);
  t.deepEqual(rules, [
    {
      prefix: 'docker.io',
      location: 'registry.corp:5000/hub',
      blocked: false,
      mirrors: [
        { location: 'mirror.corp/hub', serves: 'all' },
        { location: 'other.corp', serves: 'digests' },
      ],
    },
    { prefix: 'evil.example', location: undefined, blocked: true, mirrors: [] },
    {
      prefix: '*.internal',
      location: undefined,
      blocked: false,
      mirrors: [{ location: 'cache.internal:5000', serves: 'digests' }],
    },
  ]);
});

const refused = test.macro({
  async exec(t, text: string, message: RegExp) {
    const error = await t.throwsAsync(parseRegistriesConf(text, 'r.conf'), { instanceOf: TsbuildError });
    t.is(error?.code, 'usage');
    t.regex(error?.message ?? '', message);
  },
  title: (name) => name ?? '',
});
test('what is no TOML is refused', refused, '[[registry', /is not TOML$/);
test('version 1 is refused', refused, '[registries.search]\nregistries = []', /version 1/);
test(
  'an entry without a place is refused',
  refused,
  '[[registry]]\nblocked = true',
  /neither prefix nor location/,
);
test('a table in place of a list is refused', refused, '[registry]\nprefix = "a.io"', /no \[\[registry\]\]/);

test('the later file wins for a prefix; the user’s file replaces the system’s', async (t) => {
  const home = scratchOf(t);
  const folder = join(home, '.config/containers');
  mkdirSync(join(folder, 'registries.conf.d'), { recursive: true });
  writeFileSync(join(folder, 'registries.conf'), '[[registry]]\nprefix = "own.test"\nblocked = true\n');
  const extra = (name: string, location: string) =>
    writeFileSync(
      join(folder, 'registries.conf.d', name),
      `[[registry]]\nprefix = "x.test"\nlocation = "${location}"\n`,
    );
  extra('10-a.conf', 'first.test');
  extra('20-b.conf', 'second.test');
  extra('30-c.conf.off', 'third.test');
  const { rules } = await readRegistriesConf({ file: undefined, home });
  t.is(rules.find(({ prefix }) => prefix === 'x.test')?.location, 'second.test');
  t.is(rules.find(({ prefix }) => prefix === 'own.test')?.blocked, true);
});

test('a file that the environment names must be there, and is the only one', async (t) => {
  const folder = scratchOf(t);
  await t.throwsAsync(readRegistriesConf({ file: join(folder, 'no'), home: undefined }), {
    message: /cannot read .*ENOENT/,
  });
  writeFileSync(join(folder, 'r.conf'), sample);
  t.is((await readRegistriesConf({ file: join(folder, 'r.conf'), home: undefined })).rules.length, 3);
});

/** A client that has nothing and notes where it was asked. */
function asked(rules: readonly RegistryRule[]): { client: RegistryClient; places: string[] } {
  const places: string[] = [];
  const note = (where: { registry: string; repository: string }) =>
    places.push(`${where.registry}/${where.repository}`);
  const bare = quickClient();
  const client = withRules(
    {
      ...bare,
      close: () => bare.close(),
      resolve: (where) => {
        note(where);
        return Promise.resolve(undefined);
      },
      checkPush: (where) => {
        note(where);
        return Promise.resolve();
      },
    },
    rules,
  );
  return { client, places };
}

const pulls = test.macro({
  async exec(t, name: string, rules: readonly RegistryRule[], expected: readonly string[]) {
    const { client, places } = asked(rules);
    await client.resolve(parseReference(name), recordedJob()).catch(() => undefined);
    t.deepEqual(places, expected);
  },
  title: (name) => `a pull: ${name ?? ''}`,
});
const digest = `sha256:${'0'.repeat(64)}`;
const mirrors = [{ location: 'm.io/x' }];
test('no rule', pulls, 'a.io/app', [{ prefix: 'b.io', mirrors }], ['a.io/app']);
test(
  'mirror, then the registry',
  pulls,
  'a.io/app',
  [{ prefix: 'a.io', mirrors }],
  ['m.io/x/app', 'a.io/app'],
);
test(
  'the longest prefix',
  pulls,
  'a.io/org/app',
  [
    { prefix: 'a.io', mirrors },
    { prefix: 'a.io/org', location: 'o.io' },
  ],
  ['o.io/app'],
);
test(
  'a prefix ends at a slash',
  pulls,
  'a.io/organic/app',
  [{ prefix: 'a.io/org', location: 'o.io' }],
  ['a.io/organic/app'],
);
test(
  'a port is part of the host',
  pulls,
  'a.io:5000/app',
  [{ prefix: 'a.io', location: 'o.io' }],
  ['a.io:5000/app'],
);
test(
  'a wildcard',
  pulls,
  'x.internal/app',
  [{ prefix: '*.internal', mirrors }],
  ['m.io/x/app', 'x.internal/app'],
);
test(
  'a wildcard is not for the domain itself',
  pulls,
  'evilinternal.io/app',
  [{ prefix: '*.internal.io', mirrors }],
  ['evilinternal.io/app'],
);
test('mirrors only', pulls, 'a.io/app', [{ prefix: 'a.io', mirrors, mirrorsOnly: true }], ['m.io/x/app']);
test(
  'mirrors for digests, a tag',
  pulls,
  'a.io/app:1',
  [{ prefix: 'a.io', mirrors: [{ location: 'm.io', serves: 'digests' }] }],
  ['a.io/app'],
);
test(
  'mirrors for digests, a digest',
  pulls,
  `a.io/app@${digest}`,
  [{ prefix: 'a.io', mirrors: [{ location: 'm.io', serves: 'digests' }] }],
  ['m.io/app', 'a.io/app'],
);
test('blocked', pulls, 'a.io/app', [{ prefix: 'a.io', blocked: true }], []);

test('a push goes to the place itself, and not to a blocked one', async (t) => {
  const { client, places } = asked([
    { prefix: 'a.io', location: 'elsewhere.io', mirrors },
    { prefix: 'b.io', blocked: true },
  ]);
  await client.checkPush(parseReference('a.io/app'), recordedJob());
  t.deepEqual(places, ['a.io/app']);
  await t.throwsAsync(client.checkPush(parseReference('b.io/app'), recordedJob()), {
    message: /is blocked$/,
  });
});
