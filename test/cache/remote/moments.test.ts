/** Caches of one moment (digest=), and caches that begin anew (reset=true). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { digestOf } from '../../../src/oci/digest.js';
import { registryAvailable, startRegistry } from '../../helpers/registry-server.js';
import { Machine } from '../../helpers/remote-machine.js';
import { scratchOf } from '../../helpers/stores.js';

const it = registryAvailable ? test : test.skip;
const text = (last: string): string => `FROM scratch\nRUN write a 1\nRUN write ${last} 2`;

it('a registry’s cache is read as it was at a digest', async (t) => {
  const server = await startRegistry();
  t.teardown(() => server.close());
  const ref = `${server.host}/team/cache:main`;
  await (await Machine.start(t)).build(text('b'), { to: [`type=registry,ref=${ref}`] });
  const head = await fetch(`http://${server.host}/v2/team/cache/manifests/main`, {
    headers: { Accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  const digest = digestOf(Buffer.from(await head.arrayBuffer()));
  await (await Machine.start(t)).build(text('c'), { from: [ref], to: [`type=registry,ref=${ref}`] });
  const from = [`type=registry,ref=${server.host}/team/cache@${digest}`];
  t.deepEqual((await (await Machine.start(t)).build(text('b'), { from })).commands, []);
  const later = await (await Machine.start(t)).build(text('c'), { from });
  t.deepEqual(later.commands, ['write c 2']);
  t.deepEqual(later.warnings, []);
});

interface Layout {
  readonly manifests: readonly { readonly digest: string }[];
}

test('a folder’s cache is read as it was at a digest', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  await (await Machine.start(t)).build(text('b'), { to: [`type=local,dest=${folder}`] });
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Layout;
  const digest = index.manifests[0]?.digest ?? '';
  await (await Machine.start(t)).build(text('c'), { to: [`type=local,dest=${folder}`] });
  const from = [`type=local,src=${folder},digest=${digest}`];
  t.deepEqual((await (await Machine.start(t)).build(text('b'), { from })).commands, []);
  t.deepEqual((await (await Machine.start(t)).build(text('c'), { from })).commands, ['write c 2']);
});

test('reset=true leaves out what was there', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const from = [`type=local,src=${folder}`];
  await (await Machine.start(t)).build(text('b'), { to: [`type=local,dest=${folder}`] });
  const second = await (
    await Machine.start(t)
  ).build(text('c'), { from, to: [`type=local,dest=${folder},reset=true`] });
  t.deepEqual(second.commands, ['write c 2']);
  t.deepEqual((await (await Machine.start(t)).build(text('c'), { from })).commands, []);
  t.deepEqual((await (await Machine.start(t)).build(text('b'), { from })).commands, ['write b 2']);
});
