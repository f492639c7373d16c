/** When layers are created: at their making, and a result of the cache keeps its time (the history's `created`). */
import test from 'ava';
import { FakeBuild, type FakeResult } from '../helpers/fake-build.js';

const refs = ({ layers }: FakeResult): readonly unknown[] => layers.map(({ ref }) => [ref.id, ref.created]);
const times = ({ layers }: FakeResult): readonly number[] => layers.map(({ ref }) => ref.created);

interface Rebuild {
  readonly first: string;
  readonly second: string;
  /** Steps at and above this line are done again. */
  readonly refreshedTo?: number;
  /** The first build is not packed: what it copied is gone. */
  readonly unpacked?: true;
  /** Times of the layers of the second build: the first is at 1000, the second at 2000. */
  readonly created: readonly number[];
}

const rebuilt = test.macro({
  async exec(t, { first, second, refreshedTo = 0, unpacked, created }: Rebuild) {
    const build = await FakeBuild.open();
    t.teardown(() => build.close());
    await build.put('a', '1');
    await build.put('b', '1');
    const one = await build.build(first, { now: () => 1000 });
    if (!unpacked) for (const layer of one.layers) await layer.diffId();
    const other = await build.build(second, {
      now: () => 2000,
      ignoreCache: (_, { startLine }) => startLine <= refreshedTo,
    });
    t.deepEqual(
      times(one),
      one.layers.map(() => 1000),
    );
    t.deepEqual(times(other), created);
    if (created.every((time) => time === 1000)) t.deepEqual(refs(other), refs(one));
  },
  title: (title = '') => `created: ${title}`,
});

const copied = 'FROM scratch\nCOPY a /x\nWORKDIR /w';
test('a rebuild keeps every time', rebuilt, { first: copied, second: copied, created: [1000, 1000] });
test('what was copied and not kept is copied again as of then', rebuilt, {
  first: copied,
  second: copied,
  unpacked: true,
  created: [1000, 1000],
});
test('but not on another result', rebuilt, {
  first: 'FROM scratch\nRUN count f\nCOPY a /x',
  second: 'FROM scratch\nRUN count f\nCOPY a /x',
  unpacked: true,
  refreshedTo: 2,
  created: [2000, 2000],
});
test('a COPY written in another way that gives the same keeps layer and time', rebuilt, {
  first: copied,
  second: 'FROM scratch\nCOPY ./a ../x\nWORKDIR w/',
  created: [1000, 1000],
});
test('a COPY of another file of equal content too', rebuilt, {
  first: copied,
  second: 'FROM scratch\nCOPY b /x\nWORKDIR /w',
  created: [1000, 1000],
});
test('a RUN that gives the same on the same content is not run', rebuilt, {
  first: 'FROM scratch\nCOPY a /x\nRUN write f 1',
  second: 'FROM scratch\nCOPY b /x\nRUN write f 1',
  created: [1000, 1000],
});
test('only what is made anew has a new time', rebuilt, {
  first: 'FROM scratch\nCOPY a /x\nRUN write f 1\nWORKDIR /w',
  second: 'FROM scratch\nCOPY a /x\nRUN write f 2\nWORKDIR /w',
  created: [1000, 2000, 1000],
});
test('--no-cache makes all of it anew', rebuilt, {
  first: copied,
  second: copied,
  refreshedTo: 9,
  created: [2000, 2000],
});
