/** A cache that somebody with other intentions can write to. */
import { join } from 'node:path';
import test from 'ava';
import { clampKey, type CacheContent, type KeptLayer } from '../../../src/cache/remote/content.js';
import { FolderHost } from '../../../src/cache/remote/folder-host.js';
import { TaggedStorage } from '../../../src/cache/remote/tagged-storage.js';
import { Machine } from '../../helpers/remote-machine.js';
import { scratchOf } from '../../helpers/stores.js';

const few = 'FROM scratch\nRUN write honest 1\nRUN write evil 2';
/** Too many for the records. */
const many = 'FROM scratch\nRUN many honest 40\nRUN many evil 40';

/** What a build finds after `forge` changed what the cache says of each layer. */
const poisoned = test.macro(
  async (t, text: string, forge: (layer: KeptLayer, other: KeptLayer) => KeptLayer, warning: RegExp) => {
    const folder = join(scratchOf(t, 'poisoned'), 'cache');
    const first = await (await Machine.start(t)).build(text, { to: [`type=local,dest=${folder}`] });
    const storage = new TaggedStorage(new FolderHost(folder), { tag: 'latest', onWarning: () => undefined });
    const { content } = await storage.load();
    const layers = [...content.layers.values()];
    const forged: CacheContent = {
      ...content,
      layers: new Map(layers.map((layer, i) => [layer.ref.id, forge(layer, layers[1 - i] ?? layer)])),
    };
    await storage.add(forged);
    const again = await (await Machine.start(t)).build(text, { from: [`type=local,src=${folder}`] });
    t.deepEqual(again.files, first.files);
    t.true(again.warnings.length >= 1);
    t.regex(again.warnings[0] ?? '', warning);
  },
);

for (const [size, text] of [
  ['small', few],
  ['large', many],
] as const) {
  test(
    `a ${size} layer with the blob of another one`,
    poisoned,
    text,
    (layer, other) => withPlace(layer, other, ['blob']),
    /cannot be used/,
  );
  test(
    `a ${size} layer with the blob and the DiffID of another one`,
    poisoned,
    text,
    (layer, other) => withPlace(layer, other, ['blob', 'diffId', 'size']),
    /is not the layer/,
  );
  test(
    `a ${size} layer with the changeset of another one`,
    poisoned,
    text,
    (layer, other) => withPlace(layer, other, ['changeset', 'lines']),
    /does not describe layer/,
  );
  test(
    `a ${size} layer that is another one in everything but its id`,
    poisoned,
    text,
    (layer, other) => withPlace(layer, other, ['blob', 'diffId', 'size', 'changeset', 'lines']),
    /does not describe layer|is not the layer/,
  );
}

test(
  'a layer with lines that are no changeset',
  poisoned,
  few,
  (layer) => ({ ...layer, ...(layer.place && { place: { ...layer.place, lines: '["directory",0]' } }) }),
  /cannot be used/,
);

function withPlace(layer: KeptLayer, other: KeptLayer, members: readonly string[]): KeptLayer {
  if (layer.place === undefined || other.place === undefined) return layer;
  const taken = Object.fromEntries(Object.entries(other.place).filter(([name]) => members.includes(name)));
  return { ...layer, place: { ...layer.place, ...taken } };
}

test('forms with other times that lead in a circle end', async (t) => {
  const folder = join(scratchOf(t, 'poisoned'), 'cache');
  const first = await (await Machine.start(t)).build(few, { to: [`type=local,dest=${folder}`] });
  const storage = new TaggedStorage(new FolderHost(folder), { tag: 'latest', onWarning: () => undefined });
  const { content } = await storage.load();
  const [a, b] = [...content.layers.keys()];
  if (a === undefined || b === undefined) return t.fail('there are two layers');
  const clamped = new Map([
    [clampKey(a, 1), b],
    [clampKey(b, 1), a],
  ]);
  await storage.add({ ...content, clamped });
  const again = await (await Machine.start(t)).build(few, { from: [`type=local,src=${folder}`] });
  t.deepEqual(again.files, first.files);
  t.deepEqual(again.commands, []);
});
