/** Documents that somebody else wrote (a registry that strangers can write to). */
import { gzipSync } from 'node:zlib';
import test from 'ava';
import {
  mergeContents,
  newest,
  noContent,
  recordName,
  type CacheContent,
  type KeptRecord,
} from '../../../src/cache/remote/content.js';
import {
  decodeDocument,
  documentJson,
  encodeDocument,
  parseDocument,
} from '../../../src/cache/remote/document.js';
import { newSalt, saltedKey, saltedLabel, saltedPart } from '../../../src/cache/remote/salt.js';
import type { LayerId } from '../../../src/layers/layer.js';
import { digestOf, type DiffID } from '../../../src/oci/digest.js';
import { mediaTypes } from '../../../src/oci/media-types.js';

const salt = newSalt();
const id = (name: string): LayerId => digestOf(name) as LayerId;

function record(name: string, change: Partial<KeptRecord> = {}): KeptRecord {
  return {
    salt,
    key: saltedKey(salt, digestOf(name)),
    by: 'definition',
    text: saltedPart(salt, 'text', name),
    place: saltedPart(salt, 'place', name),
    recipe: [['op', saltedPart(salt, 'op', 'exec')]],
    snapshot: [id(name)],
    own: 1,
    inputs: [digestOf('input')],
    chains: [digestOf('chain')],
    created: 1,
    duration: 2,
    ...change,
  };
}

function content(...records: readonly KeptRecord[]): CacheContent {
  const ids = [...new Set(records.flatMap(({ snapshot }) => snapshot))];
  return {
    ...noContent,
    layers: new Map(
      ids.map((layer) => [
        layer,
        {
          ref: { id: layer, empty: false, created: 1 },
          place: {
            diffId: digestOf(`${layer} tar`) as DiffID,
            size: 10,
            blob: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(`${layer} gz`), size: 5 },
          },
        },
      ]),
    ),
    records: new Map(records.map((item) => [recordName(item), item])),
  };
}

test('a document is read as it was written', (t) => {
  const written = {
    content: content(record('a'), record('b', { snapshot: [id('a'), id('b')] })),
    covers: ['x'],
  };
  t.deepEqual(decodeDocument(encodeDocument(written)), written);
});

const good = documentJson({ content: content(record('a')), covers: [] });
const [group] = good['groups'] as { salt: string; records: object[] }[];

/** The good document with a record, or a layer, changed. */
function withRecord(change: object): unknown {
  return { ...good, groups: [{ ...group, records: [{ ...group?.records[0], ...change }] }] };
}
function withLayer(change: object): unknown {
  const [layer] = good['layers'] as object[];
  return { ...good, layers: [{ ...layer, ...change }] };
}

const refused = test.macro((t, value: unknown) => {
  t.throws(() => parseDocument(JSON.parse(JSON.stringify(value))), { code: 'image' });
});
test('refused: another version', refused, { ...good, tsbuildCache: 2 });
test('refused: no object', refused, [good]);
test('refused: a layer that is not described', refused, withRecord({ snapshot: [1] }));
test('refused: a layer number that is none', refused, withRecord({ snapshot: [-1] }));
test('refused: no layer', refused, withRecord({ snapshot: [] }));
test('refused: a snapshot longer than any image', refused, withRecord({ snapshot: Array(1001).fill(0) }));
test('refused: several own layers', refused, withRecord({ own: 2 }));
test('refused: inputs without chains', refused, withRecord({ chains: [] }));
test('refused: an input that is no digest', refused, withRecord({ inputs: ['sha256:../../x'] }));
test('refused: a name that is none', refused, withRecord({ key: '../../etc/passwd' }));
test(
  'refused: a recipe with a value',
  refused,
  withRecord({ recipe: [['variable TOKEN', 'the value itself']] }),
);
test('refused: a time that is none', refused, withRecord({ created: 'now' }));
test('refused: a salt that is none', refused, { ...good, groups: [{ ...group, salt: '' }] });
test('refused: a layer id that is none', refused, withLayer({ id: 'sha256:1' }));
test(
  'refused: a blob of no layer',
  refused,
  withLayer({ blob: { mediaType: 'text/plain', digest: id('x'), size: 1 } }),
);
test('refused: a negative size', refused, withLayer({ size: -1 }));
test('refused: a million covered parts', refused, { ...good, covers: Array(100_001).fill('x') });

test('refused: a bomb, before it is unpacked whole', (t) => {
  const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
  t.true(bomb.length < 1024 * 1024);
  t.throws(() => decodeDocument(bomb), { code: 'image' });
});

test('merging keeps the newer record of a key and everything else', (t) => {
  const old = content(record('a', { created: 1 }), record('b'));
  const fresh = content(record('a', { created: 9, snapshot: [id('z')] }));
  for (const order of [
    [old, fresh],
    [fresh, old],
  ]) {
    const { records, layers } = mergeContents(order);
    t.is(records.size, 2);
    t.deepEqual(records.get(recordName(record('a')))?.snapshot, [id('z')]);
    t.is(layers.size, 3);
  }
});

test('the newest records stay, with the layers that they need', (t) => {
  const all = content(record('a', { created: 1 }), record('b', { created: 3 }), record('c', { created: 2 }));
  const { records, layers } = newest(all, { records: 2, layers: 10 });
  t.deepEqual(
    [...records.values()].map(({ created }) => created),
    [3, 2],
  );
  t.deepEqual([...layers.keys()].sort(), [id('b'), id('c')].sort());
});

const label = test.macro((t, text: string, shown: boolean) => {
  const salted = saltedLabel(salt, text);
  t.is(salted === text, shown, salted);
  if (!shown) t.false(salted.includes(text.split(' ').at(-1) ?? ''));
});
test('label: of a variable', label, 'variable TOKEN', true);
test('label: of ours', label, 'the result of the step before', true);
test('label: with a number', label, 'argument 12', true);
test('label: of an option', label, '--chown', true);
test('label: of files, whose name an argument may have given', label, 'files of secretname', false);
test('label: of a mount', label, 'mount /cache/value', false);
test('label: of a secret', label, 'secret token', false);
test('label: of a heredoc', label, 'heredoc name', false);
test('label: of a kind that is not known', label, 'tool C:\\value', false);
