/** What every remote cache must do, whatever keeps it. */
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext, TestFn } from 'ava';
import { Machine } from '../../helpers/remote-machine.js';
import type { Backend, Place } from './backends.js';

const twoStages = `FROM scratch AS build
RUN write tool 1
RUN write lib 2
FROM scratch
RUN write base 3
COPY --from=build /tool /bin/tool
RUN write app 4`;
const itsCommands = ['write tool 1', 'write lib 2', 'write base 3', 'write app 4'];

async function opened(t: ExecutionContext, backend: Backend): Promise<Place> {
  return backend.open(t);
}

/** Runs the suite as tests of one file. */
export function remoteSuite(test: TestFn, backend: Backend): void {
  const it = backend.available ? test : test.skip;
  const named = (title: string): string => `${backend.name}: ${title}`;

  it(named('a fresh machine runs nothing that another one ran'), async (t) => {
    const place = await opened(t, backend);
    const first = await (await Machine.start(t)).build(twoStages, { to: [`${place.to},mode=max`] });
    t.deepEqual([...first.commands].sort(), [...itsCommands].sort());
    const second = await (await Machine.start(t)).build(twoStages, { from: [place.from] });
    t.deepEqual(second.commands, []);
    t.deepEqual(second.files, first.files);
    t.is(second.content, first.content);
    t.deepEqual(second.warnings, []);
  });

  it(named('only what changed runs, on layers that others made, and it is said why'), async (t) => {
    const place = await opened(t, backend);
    const text = (last: string): string => `FROM scratch\nRUN write base 1\nARG V\nRUN write ${last}`;
    const first = await Machine.start(t);
    await first.build(text('app 2'), { to: [place.to], buildArgs: { V: 'one' } });
    const second = await (
      await Machine.start(t)
    ).build(text('app 2'), {
      from: [place.from],
      buildArgs: { V: 'two' },
    });
    t.deepEqual(second.commands, ['write app 2']);
    t.deepEqual([...second.missed.values()], ['the build argument V changed']);
    t.deepEqual(
      [...second.files],
      [
        ['app', '2'],
        ['base', '1'],
      ],
    );
  });

  it(named('mode=min keeps the image, mode=max all stages'), async (t) => {
    const [min, max] = [await opened(t, backend), await opened(t, backend)];
    await (await Machine.start(t)).build(twoStages, { to: [min.to, `${max.to},mode=max`] });
    const changed = twoStages.replace('write app 4', 'write app 5').replace('/tool /bin', '/lib /bin');
    const small = await (await Machine.start(t)).build(changed, { from: [min.from] });
    t.deepEqual([...small.commands].sort(), ['write app 5', 'write lib 2', 'write tool 1']);
    const full = await (await Machine.start(t)).build(changed, { from: [max.from] });
    t.deepEqual(full.commands, ['write app 5']);
  });

  it(named('a build that adds nothing writes nothing; one that adds a step sends that step'), async (t) => {
    const place = await opened(t, backend);
    const options = { from: [place.from], to: [place.to] };
    await (await Machine.start(t)).build('FROM scratch\nRUN write a 1', options);
    const before = await place.list();
    await (await Machine.start(t)).build('FROM scratch\nRUN write a 1', options);
    t.deepEqual(await place.list(), before);
    const more = await (await Machine.start(t)).build('FROM scratch\nRUN write a 1\nRUN write b 2', options);
    t.deepEqual(more.commands, ['write b 2']);
    t.true((await place.list()).length > before.length);
  });

  for (const mode of ['min', 'max']) {
    it(named(`layers are sent while later steps run: mode=${mode}`), async (t) => {
      const place = await opened(t, backend);
      let early = 0;
      await (
        await Machine.start(t)
      ).build('FROM scratch\nRUN write a 1\nRUN write b 2', {
        to: [`${place.to},mode=${mode}`],
        onRun: async (command) => {
          if (command === 'write b 2') early = await someEntries(place);
        },
      });
      t.true(early > 0, 'nothing was sent before the last step began');
    });
  }

  it(named('every compression is read, and a cache may hold several'), async (t) => {
    const place = await opened(t, backend);
    const text = (last: string): string => `FROM scratch\nRUN write a 1\nRUN write ${last} 2`;
    const compressions = ['gzip', 'zstd', 'uncompressed', 'gzip,compression-level=9'];
    for (const [i, compression] of compressions.entries()) {
      const options = { from: [place.from], to: [`${place.to},compression=${compression}`] };
      const { commands } = await (await Machine.start(t)).build(text(`b${i}`), options);
      t.deepEqual(commands, i === 0 ? ['write a 1', 'write b0 2'] : [`write b${i} 2`]);
    }
    const reader = await Machine.start(t);
    for (const i of compressions.keys()) {
      // The last step needs the files of all others.
      const all = `${text(`b${i}`)}\nRUN write c${i} 3`;
      const { commands, warnings, files } = await reader.build(all, { from: [place.from] });
      t.deepEqual(commands, [`write c${i} 3`]);
      t.deepEqual([...files.keys()], ['a', `b${i}`, `c${i}`]);
      t.deepEqual(warnings, []);
    }
  });

  it(named('--cache-from never writes'), async (t) => {
    const place = await opened(t, backend);
    await (await Machine.start(t)).build('FROM scratch\nRUN write a 1', { to: [place.to] });
    const before = await place.list();
    const text = 'FROM scratch\nRUN write a 1\nRUN write b 2';
    await (await Machine.start(t)).build(text, { from: [place.from] });
    t.deepEqual(await place.list(), before);
  });

  it(named('several sources are asked in order'), async (t) => {
    const [one, two] = [await opened(t, backend), await opened(t, backend)];
    await (await Machine.start(t)).build('FROM scratch\nRUN write a 1', { to: [one.to] });
    await (await Machine.start(t)).build('FROM scratch\nRUN write b 2', { to: [two.to] });
    for (const text of ['FROM scratch\nRUN write a 1', 'FROM scratch\nRUN write b 2']) {
      const { commands } = await (await Machine.start(t)).build(text, { from: [one.from, two.from] });
      t.deepEqual(commands, []);
    }
  });

  it(named('an empty cache is no failure'), async (t) => {
    const place = await opened(t, backend);
    const { commands, warnings } = await (
      await Machine.start(t)
    ).build('FROM scratch\nRUN write a 1', {
      from: [place.from],
    });
    t.deepEqual(commands, ['write a 1']);
    t.deepEqual(warnings, []);
  });

  it(named('ten machines that write at once lose nothing'), async (t) => {
    const place = await opened(t, backend);
    const texts = Array.from(
      { length: 10 },
      (_, i) => `FROM scratch\nRUN write shared 0\nRUN write own ${i}`,
    );
    const machines = await Promise.all(texts.map(() => Machine.start(t)));
    const options = { from: [place.from], to: [place.to] };
    await Promise.all(machines.map((machine, i) => machine.build(texts[i] ?? '', options)));
    const reader = await Machine.start(t);
    for (const text of texts) t.deepEqual((await reader.build(text, { from: [place.from] })).commands, []);
  });

  it(named('nothing that leaves the machine contains the value of an argument'), async (t) => {
    const place = await opened(t, backend);
    const secret = 'hunter2-correct-horse';
    const text = `FROM scratch
ARG PASSWORD
ARG NAME
RUN write plain text
COPY <<"EOF" /\${NAME}
fixed
EOF`;
    const buildArgs = { PASSWORD: secret, NAME: `n-${secret}` };
    await (await Machine.start(t)).build(text, { to: [`${place.to},mode=max`], buildArgs });
    const names = await place.list();
    t.true(names.length >= 3);
    for (const name of names) {
      // The layer and what describes it hold the file, whose name is its content.
      const bytes = withoutFiles(unpacked(await place.read(name)));
      if (bytes.includes('ustar') || bytes.includes('tsbuild-changeset')) continue;
      t.false(bytes.includes(secret), name);
    }
  });

  it(named('whatever is damaged or gone, the image is right and one warning says so'), async (t) => {
    const place = await opened(t, backend);
    // What one of the layers changes is in the records, what the other changes in a blob.
    const text = 'FROM scratch\nRUN write a 1\nRUN many b 40';
    const first = await (await Machine.start(t)).build(text, { to: [`${place.to},mode=max`] });
    for (const name of await place.list()) {
      const bytes = await place.read(name);
      for (const damage of [undefined, bytes.subarray(0, bytes.length >> 1), flipped(bytes)]) {
        await place.replace(name, damage);
        const again = await (await Machine.start(t)).build(text, { from: [place.from] });
        t.deepEqual(again.files, first.files, name);
        t.true(again.warnings.length <= 1, again.warnings.join('\n'));
        const isEmptied = damage === undefined && entry.test(name);
        if (again.commands.length > 0 && !isEmptied) t.is(again.warnings.length, 1, name);
        await place.replace(name, bytes);
      }
    }
  });

  it(named('what was lost is made and sent again'), async (t) => {
    const place = await opened(t, backend);
    const text = 'FROM scratch\nRUN write a 1\nRUN write b 2';
    await (await Machine.start(t)).build(text, { to: [place.to] });
    for (const name of await place.list()) {
      if (unpacked(await place.read(name)).includes('ustar')) await place.replace(name, undefined);
    }
    const options = { from: [place.from], to: [place.to] };
    const repaired = await (await Machine.start(t)).build(text, options);
    t.deepEqual(repaired.commands, ['write a 1', 'write b 2']);
    const after = await (await Machine.start(t)).build(text, { from: [place.from] });
    t.deepEqual(after.commands, []);
    t.deepEqual(after.warnings, []);
  });
}

/** A document without what it says of the files of layers, which the layers say too. */
export function withoutFiles(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  if (!text.startsWith('{"tsbuildCache"')) return bytes;
  const document = JSON.parse(text) as { readonly layers: readonly object[] };
  const layers = document.layers.map((layer) => ({ ...layer, lines: undefined }));
  return Buffer.from(JSON.stringify({ ...document, layers }));
}

/** How many entries a place has, once it has one; 0 when nothing comes. */
async function someEntries(place: Place): Promise<number> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const { length } = await place.list();
    if (length > 0) return length;
    await setTimeout(25);
  }
  return 0;
}

/** Without these a folder and an Actions cache are empty. */
const entry = /(?:^index\.json|-head-\d+)$/;

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    return bytes;
  }
}
