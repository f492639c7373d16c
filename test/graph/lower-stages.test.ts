/** Stages: their names and numbers, what FROM and --from find by them, and what a child inherits. */
import test from 'ava';
import type { ResolvedImage } from '../../src/graph/lower/lowering.js';
import type { Vertex } from '../../src/graph/vertex.js';
import { digestOf } from '../../src/oci/digest.js';
import type { ContainerConfig } from '../../src/oci/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { historyOf, lowered, type Given } from '../helpers/lowered.js';

/** The value of S at the end of the target. */
const stands = test.macro({
  exec: async (t, text: string, expected: string | undefined, given?: Given) => {
    t.is((await lowered(text, given)).state.variables.get('S'), expected);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});

const fails = test.macro({
  exec: async (t, text: string, message: RegExp, given?: Given) => {
    const error = await t.throwsAsync(lowered(text, given), { instanceOf: TsbuildError });
    t.regex(`${error?.range?.startLine}: ${error?.message} (${error?.hint})`, message);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});

const names = ({ op, origin, inputs }: Vertex): string[] => [
  op.kind === 'context' ? op.name : origin.name,
  ...inputs.flatMap(names),
];

/** The target, or what it copies from, is made by a step, or is a context, of this name. */
const takes = test.macro({
  exec: async (t, text: string, step: string, given?: Given) => {
    t.true(names((await lowered(text, given)).vertex).some((name) => name.includes(step)));
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});

const two = 'FROM scratch AS aBc\nENV S=1\nFROM scratch AS last\nENV S=2';
test('without a target the last stage', stands, two, '2');
test('a target by name', stands, two, '1', { target: 'abc' });
test('a target in any case', stands, two, '1', { target: 'ABC' });
test('a target by number', stands, two, '1', { target: '0' });
test('an empty target is none', stands, two, '2', { target: '' });
test('a name comes before a number', stands, `${two}\nFROM scratch AS x\nENV S=3`, '3', { target: '2' });
test(
  'of equal names the last is the target',
  stands,
  `${two}\nFROM scratch AS ABC\nENV S=3\nFROM scratch`,
  '3',
  { target: 'abc' },
);
test(
  'an unknown target, with the nearest name',
  fails,
  two,
  /target stage "lsat" could not be found \(did you mean last\?\)/,
  { target: 'lsat' },
);
test(
  'an unknown target, with all names',
  fails,
  two,
  /"zzzzz" could not be found \(the stages are abc, last\)/,
  { target: 'zzzzz' },
);
test(
  'an unknown target where no stage has a name',
  fails,
  'FROM scratch',
  /\(no stage of this file has a name/,
  { target: 'a' },
);
test('a target number out of range', fails, two, /target stage "7" could not be found/, { target: '7' });

test('FROM finds an earlier stage', stands, 'FROM scratch AS a\nENV S=1\nFROM a', '1');
test('FROM finds it in any case', stands, 'FROM scratch AS Stage0\nENV S=1\nFROM STAGE0', '1');
test(
  'FROM finds it by the value of an argument',
  stands,
  'ARG B=a\nFROM scratch AS a\nENV S=1\nFROM $B',
  '1',
);
test(
  'FROM takes the latest earlier one',
  stands,
  'FROM scratch AS a\nENV S=1\nFROM scratch AS a\nENV S=2\nFROM a',
  '2',
);
test(
  'a later one of that name does not count',
  stands,
  'FROM scratch AS a\nENV S=1\nFROM a AS b\nFROM scratch AS a\nENV S=2\nFROM b',
  '1',
);
test('FROM x AS x is the image', stands, 'FROM scratch AS a\nFROM base AS base\nENV S=${B}', 'image', {
  base: { Env: ['B=image'] },
});
test(
  'FROM of a later stage is an image',
  stands,
  'FROM base AS a\nENV S=$B\nFROM scratch AS base\nFROM a',
  'image',
  { base: { Env: ['B=image'] } },
);
test('FROM of a number is an image', stands, 'FROM scratch\nENV S=1\nFROM 0', undefined, {});
test('quotes around an image', stands, 'FROM "scratch"\nENV S=1', '1');
test(
  'the ARG of a stage is not seen by a later FROM',
  fails,
  'FROM scratch AS a\nARG B=a\nFROM $B',
  /^3: base name \(\$B\) should not be blank/,
);
test('a blank base', fails, 'ARG B\nFROM $B', /^2: base name \(\$B\) should not be blank \(give the ARG/);
test('a base of blanks', fails, 'FROM ""', /^1: base name \(""\) should not be blank/);
test(
  'a stage named scratch does not replace scratch',
  stands,
  'FROM scratch AS scratch\nENV S=1\nFROM scratch',
  undefined,
);

const files = 'FROM scratch AS aBc\nRUN one\nFROM scratch AS b\nRUN two\nFROM scratch\n';
test('COPY --from a name', takes, `${files}COPY --from=abc / /`, 'RUN one');
test('COPY --from in any case', takes, `${files}COPY --from=ABC / /`, 'RUN one');
test('COPY --from a number', takes, `${files}COPY --from=1 / /`, 'RUN two');
test('COPY --from an image', takes, `${files}COPY --from=busybox / /`, 'docker.io/library/base');
test(
  'COPY --from the last of equal names',
  takes,
  'FROM scratch AS a\nRUN one\nFROM scratch AS a\nRUN two\nFROM scratch\nCOPY --from=a / /',
  'RUN two',
);
test('COPY --from scratch', takes, 'FROM scratch AS x\nCOPY --from=scratch / /', 'COPY --from=scratch');
test('RUN --mount from a name in any case', takes, `${files}RUN --mount=from=ABC,target=/m x`, 'RUN one');
test('RUN --mount from a number', takes, `${files}RUN --mount=from=1,target=/m x`, 'RUN two');
test(
  'RUN --mount from an image',
  takes,
  `${files}RUN --mount=from=busybox,target=/m x`,
  'docker.io/library/base',
);
test(
  'COPY --from itself',
  fails,
  'FROM scratch AS a\nCOPY --from=a / /',
  /^2: circular dependency detected on stage: a/,
);
test(
  'COPY --from itself by number',
  fails,
  'FROM scratch\nCOPY --from=0 / /',
  /^2: circular dependency detected on stage: 0/,
);
test(
  'RUN --mount from itself',
  fails,
  'FROM scratch AS a\nRUN --mount=from=a,target=/m x',
  /^2: circular dependency detected on stage: a/,
);
test(
  'COPY --from a number out of range',
  fails,
  'FROM scratch\nCOPY --from=5 / /',
  /^2: invalid stage index 5 \(the file has 1 stages, numbered from 0/,
);
test(
  'COPY --from a later stage',
  fails,
  'FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nFROM a',
  /^2: cannot copy from stage "b", it needs to be defined before current stage "a"/,
);
test(
  'RUN --mount from a later stage',
  fails,
  'FROM scratch AS a\nRUN --mount=from=b,target=/m x\nFROM scratch AS b\nFROM a',
  /^2: cannot copy from stage "b"/,
);
test(
  'of equal names COPY means the last, even where it is later',
  fails,
  'FROM scratch AS a\nFROM scratch AS z\nCOPY --from=a / /\nFROM scratch AS a\nFROM z',
  /^3: cannot copy from stage "a"/,
);
test(
  'two stages that copy from each other',
  fails,
  'FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /',
  /^2: cannot copy from stage "b"/,
);

const image: ResolvedImage = {
  name: 'other',
  configDigest: digestOf('other'),
  config: {
    os: 'linux',
    architecture: 'amd64',
    config: { Env: ['S=context'] },
    rootfs: { type: 'layers', diff_ids: [] },
  },
  layers: [],
};
const asImage = (name: string): Given => ({ contexts: { [name]: { kind: 'image', image } } });
const asFiles = (name: string): Given => ({ contexts: { [name]: { kind: 'files', name: 'folder' } } });
test('a build context stands for an image', stands, 'FROM base', 'context', asImage('base'));
test(
  'a build context stands for a stage of its name',
  stands,
  'FROM missing AS a\nRUN x\nFROM a',
  'context',
  asImage('a'),
);
test(
  'a build context stands for the image that a stage of its name begins with',
  stands,
  'FROM a AS b\nFROM b',
  'context',
  asImage('a'),
);
test(
  'a build context stands for what COPY takes from',
  takes,
  'FROM missing AS a\nFROM scratch\nCOPY --from=a / /',
  'folder',
  asFiles('a'),
);
test(
  'a build context stands for what a mount shows',
  takes,
  'FROM missing AS a\nFROM scratch\nRUN --mount=from=a,target=/m x',
  'folder',
  asFiles('a'),
);
test('a build context of files can be a base', stands, 'FROM base\nENV S=1', '1', asFiles('base'));
test('a build context does not replace scratch', stands, 'FROM scratch', undefined, asImage('scratch'));
test(
  'a number is a stage, not a build context',
  fails,
  'FROM scratch\nCOPY --from=0 / /',
  /circular dependency/,
  asFiles('0'),
);

const unneeded: readonly (readonly [rule: string, lines: string])[] = [
  ['a base that does not exist', 'FROM missing AS a\nRUN x'],
  ['a variable that is demanded', 'FROM scratch AS a\nENV A=${x:?no}'],
  ['a base that is demanded', 'FROM ${x:?no} AS a'],
  ['a blank base', 'FROM $x AS a'],
  ['a number out of range', 'FROM scratch AS a\nCOPY --from=9 / /'],
  ['a stage that copies from itself', 'FROM scratch AS a\nCOPY --from=a / /'],
];
for (const [rule, lines] of unneeded)
  test(`stages that the target does not need: ${rule}`, stands, `${lines}\nFROM scratch\nENV S=1`, '1');
test(
  'stages that the target does not need are parsed',
  fails,
  'FROM scratch AS a\nFOO x\nFROM scratch',
  /unknown instruction: FOO/,
);

const everything = `FROM scratch AS a
ENV A=1
ARG B=2
WORKDIR /w
USER u
LABEL l=1
ENTRYPOINT ["e"]
CMD ["c"]
SHELL ["s"]
VOLUME /v
EXPOSE 1
HEALTHCHECK CMD h
STOPSIGNAL 3
MAINTAINER m
ONBUILD LABEL o=1
FROM a`;
const inherited: ContainerConfig = {
  WorkingDir: '/w', User: 'u', Labels: { l: '1', o: '1' }, Entrypoint: ['e'], Cmd: ['c'], Shell: ['s'], Volumes: { '/v': {} },
  ExposedPorts: { '1/tcp': {} }, Healthcheck: { Test: ['CMD-SHELL', 'h'] }, StopSignal: '3', OnBuild: undefined,
}; // prettier-ignore
for (const [member, value] of Object.entries(inherited)) {
  test(`a child inherits everything but triggers: ${member}`, async (t) => {
    const { config } = (await lowered(everything)).state;
    t.deepEqual(new Map(Object.entries(config)).get(member), value as unknown);
  });
}
test('a child inherits variables, history and author', async (t) => {
  const { state } = await lowered(everything);
  t.is(state.variables.get('A'), '1');
  t.is(state.variables.get('B'), '2');
  t.is(state.author, 'm');
  t.is(historyOf(state).length, 14);
});
test('triggers are not inherited by grandchildren', async (t) => {
  const { state } = await lowered('FROM scratch AS a\nONBUILD ENV O=1\nFROM a AS b\nFROM b');
  t.deepEqual(historyOf(state), ['ENV O=1']);
});
test('a trigger may copy from a stage', takes, 'FROM scratch AS x\nRUN one\nFROM base', 'RUN one', {
  base: { OnBuild: ['COPY --from=x / /'] },
});
test(
  'a trigger cannot copy from a later stage',
  fails,
  'FROM base AS a\nFROM scratch AS x\nFROM a',
  /^1: cannot copy from stage "x"/,
  {
    base: { OnBuild: ['COPY --from=x / /'] },
  },
);

test('an image with a PATH keeps it', stands, 'FROM base\nENV S=$PATH', '/x', { base: { Env: ['PATH=/x'] } });
test(
  'scratch has the default PATH',
  stands,
  'FROM scratch\nENV S=$PATH',
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
);
test('created is not taken from the base', async (t) =>
  t.false('created' in (await lowered('FROM base')).state.config));

const labelled = test.macro({
  exec: async (t, text: string, expected: string) => {
    t.is((await lowered(text)).vertex.origin.name, expected);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});
test('a single stage without a name has no prefix', labelled, 'FROM scratch\nRUN a', '[2/2] RUN a');
test('a named stage is called by its name', labelled, 'FROM scratch AS Abc\nRUN a', '[abc 2/2] RUN a');
test(
  'others are called by their number',
  labelled,
  'FROM scratch\nFROM scratch\nRUN a',
  '[stage-1 2/2] RUN a',
);

/** A word of the file that the command line could have too is an error of the file here: its exit code is 3. */
const wrongWord = test.macro({
  exec: async (t, text: string, line: number, message: RegExp) => {
    const error = await t.throwsAsync(lowered(text), { instanceOf: TsbuildError, message });
    t.deepEqual([error?.code, error?.range?.startLine], ['dockerfile', line]);
  },
  title: (_, text: string) => `an error of the Dockerfile: ${JSON.stringify(text)}`,
});
test(wrongWord, 'FROM --platform=linux/a/b/c scratch', 1, /invalid platform "linux\/a\/b\/c"/);
test(wrongWord, '\nFROM UPPER', 2, /invalid image reference "UPPER"/);
test(wrongWord, 'FROM scratch\nCOPY --from=a:b:c x y', 2, /invalid image reference "a:b:c"/);
test(wrongWord, 'FROM scratch\nRUN --mount=from=a:b:c,target=/t true', 2, /invalid image reference "a:b:c"/);
test(wrongWord, 'FROM scratch\nADD git@:: x', 2, /is not a git source/);
test(wrongWord, 'FROM scratch\nADD http:// x', 2, /"http:\/\/" is no http URL/);
