import test from 'ava';
import type { ContainerConfig } from '../../src/oci/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { historyOf, lowered, type Given } from '../helpers/lowered.js';

const says = test.macro({
  exec: async (t, text: string, expected: readonly string[], given?: Given) => {
    t.deepEqual(historyOf((await lowered(text, given)).state), expected);
  },
  title: (title = '') => `history: ${title}`,
});

test('ENV with several pairs', says, 'FROM scratch\nENV A=1 B="two words"', ['ENV A=1 B=two words']);
test(
  'the pairs of one ENV see the variables from before the line',
  says,
  'FROM scratch\nENV a=1\nENV a=2 b=$a',
  ['ENV a=1', 'ENV a=2 b=1'],
);
test('LABEL', says, 'FROM scratch\nLABEL k=v', ['LABEL k=v']);
test('CMD in exec form is quoted as Go does', says, 'FROM scratch\nCMD ["a", "b c"]', ['CMD ["a" "b c"]']);
test('CMD in shell form takes the shell', says, 'FROM scratch\nCMD echo hi', [
  'CMD ["/bin/sh" "-c" "echo hi"]',
]);
test('SHELL counts for what follows', says, 'FROM scratch\nSHELL ["/bin/bash", "-c"]\nENTRYPOINT x', [
  'SHELL [/bin/bash -c]',
  'ENTRYPOINT ["/bin/bash" "-c" "x"]',
]);
test('RUN names the arguments in scope', says, 'FROM scratch\nARG A=1\nARG B\nRUN echo', [
  'ARG A=1',
  'ARG B',
  'RUN |2 A=1 B= /bin/sh -c echo # buildkit',
]);
test(
  'RUN names each argument once, in the order of the first declarations, as the step sees it',
  says,
  'FROM scratch\nARG A=1\nARG B=2\nENV B=env\nARG A=3\nRUN echo',
  ['ARG A=1', 'ARG B=2', 'ENV B=env', 'ARG A=3', 'RUN |2 A=3 B=env /bin/sh -c echo # buildkit'],
);
test(
  'RUN of a child stage names the arguments of its parent',
  says,
  'FROM scratch AS a\nARG A=1\nFROM a\nRUN echo',
  ['ARG A=1', 'RUN |1 A=1 /bin/sh -c echo # buildkit'],
);
test(
  'RUN with heredocs has their bodies',
  says,
  'FROM scratch\nRUN cat <<A <<-B\n1\nA\n\t2\n\tB\nRUN <<C\n3\nC',
  ['RUN /bin/sh -c cat <<A <<-B\n1\nA\n\t2\nB # buildkit', 'RUN /bin/sh -c 3\n # buildkit'],
);
test(
  'SHELL takes the body of a RUN that is a heredoc',
  says,
  'FROM scratch\nSHELL ["python", "-c"]\nRUN <<E\na\nE\nRUN <<F\n#!/x\nb\nF',
  ['SHELL [python -c]', 'RUN python -c a\n # buildkit', 'RUN python -c /dev/pipes/F # buildkit'],
);
test('COPY with heredocs has their names', says, 'FROM scratch\nCOPY a <<B <<"C" /d/\n1\nB\n2\nC', [
  'COPY a <<B <<C /d/ # buildkit',
]);
test('ADD', says, 'FROM scratch\nADD --chown=1 --chmod=u=rwX ["a b", "/c"]', [
  'ADD --chown=1 --chmod=u=rwX a b /c # buildkit',
]);
test('ARG with several names', says, 'FROM scratch\nARG A B=1 C=', ['ARG A B=1 C=']);
test('ENV and LABEL in the old form', says, 'FROM scratch\nENV A b  c\nLABEL "d e"=f', [
  'ENV A=b  c',
  'LABEL d e=f',
]);
test('EXPOSE of a range', says, 'FROM scratch\nEXPOSE 8-10/UDP 127.0.0.1:80:81', [
  'EXPOSE [8/udp 9/udp 10/udp 81/tcp]',
]);
test('VOLUME in JSON form', says, 'FROM scratch\nVOLUME ["/a b", "/c"]', ['VOLUME [/a b /c]']);
test('MAINTAINER', says, 'FROM scratch\nMAINTAINER a  b', ['MAINTAINER a  b']);
test('HEALTHCHECK NONE leaves its entry', says, 'FROM scratch\nHEALTHCHECK NONE', [
  'HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}',
]);
test('CMD and ENTRYPOINT without words', says, 'FROM scratch\nCMD []\nENTRYPOINT []', [
  'CMD []',
  'ENTRYPOINT []',
]);
test('RUN without arguments', says, 'FROM scratch\nRUN echo', ['RUN /bin/sh -c echo # buildkit']);
test(
  'COPY keeps --chown, --chmod and --parents only',
  says,
  'FROM scratch\nCOPY --link --chown=1:1 --chmod=755 a b /d/',
  ['COPY --chown=1:1 --chmod=755 a b /d/ # buildkit'],
);
test('COPY words are expanded', says, 'FROM scratch\nENV D=/x\nCOPY a $D', [
  'ENV D=/x',
  'COPY a /x # buildkit',
]);
test('WORKDIR is resolved', says, 'FROM scratch\nWORKDIR a\nWORKDIR ../b', ['WORKDIR /a', 'WORKDIR /b']);
test(
  'a relative WORKDIR starts at that of the base, which is not made',
  says,
  'FROM base\nCOPY a b\nWORKDIR below',
  ['COPY a b # buildkit', 'WORKDIR /w/below'],
  { base: { WorkingDir: '/w' } },
);
test('EXPOSE', says, 'FROM scratch\nEXPOSE 80 443/TCP', ['EXPOSE [80/tcp 443/tcp]']);
test('VOLUME', says, 'FROM scratch\nVOLUME /a /b', ['VOLUME [/a /b]']);
test('USER and STOPSIGNAL', says, 'FROM scratch\nUSER u\nSTOPSIGNAL SIGTERM', [
  'USER u',
  'STOPSIGNAL SIGTERM',
]);
test('HEALTHCHECK', says, 'FROM scratch\nHEALTHCHECK --interval=90s --retries=3 CMD ["curl", "x"]', [
  'HEALTHCHECK {Test:[CMD curl x] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}',
]);
test('ONBUILD leaves none', says, 'FROM scratch\nONBUILD RUN echo', []);
test('ONBUILD triggers of the base run after FROM', says, 'FROM base\nENV B=2', ['ENV A=1', 'ENV B=2'], {
  base: { OnBuild: ['ENV A=1'] },
});
test('ONBUILD triggers of a stage run in its child', says, 'FROM scratch AS a\nONBUILD ENV A=1\nFROM a', [
  'ENV A=1',
]);

const gives = test.macro({
  exec: async (t, text: string, expected: Partial<ContainerConfig>, given?: Given) => {
    const { config } = (await lowered(text, given)).state;
    t.like(config, expected as object);
  },
  title: (title = '') => `config: ${title}`,
});

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
test('scratch has a working directory and a PATH', gives, 'FROM scratch', { WorkingDir: '/', Env: [path] });
test('a base without PATH gets one', gives, 'FROM base', { Env: ['A=1', path] }, { base: { Env: ['A=1'] } });
test(
  'ENV overwrites in place',
  gives,
  'FROM base\nENV A=2',
  { Env: ['A=2', 'PATH=/x'] },
  { base: { Env: ['A=1', 'PATH=/x'] } },
);
test(
  'an inherited CMD goes with a new ENTRYPOINT',
  gives,
  'FROM base\nENTRYPOINT ["e"]',
  { Entrypoint: ['e'], Cmd: undefined },
  { base: { Cmd: ['c'] } },
);
test('a CMD of the same stage survives ENTRYPOINT', gives, 'FROM base\nCMD ["c"]\nENTRYPOINT ["e"]', {
  Entrypoint: ['e'],
  Cmd: ['c'],
});
test(
  'a CMD of the parent stage does not survive ENTRYPOINT',
  gives,
  'FROM base AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["e"]',
  { Cmd: undefined },
);
test(
  'CMD [] takes the inherited one away',
  gives,
  'FROM base\nCMD []',
  { Cmd: undefined },
  { base: { Cmd: ['c'] } },
);
test('CMD sets ArgsEscaped', gives, 'FROM scratch\nCMD ["a"]', { ArgsEscaped: true });
test('--label wins', gives, 'FROM scratch\nLABEL k=v', { Labels: { k: 'cli' } }, { labels: { k: 'cli' } });
test('HEALTHCHECK NONE', gives, 'FROM scratch\nHEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } });
test('HEALTHCHECK in shell form', gives, 'FROM scratch\nHEALTHCHECK CMD curl x', {
  Healthcheck: { Test: ['CMD-SHELL', 'curl x'] },
});
test('ONBUILD is kept for the child image', gives, 'FROM scratch\nONBUILD COPY . /', {
  OnBuild: ['COPY . /'],
});
test('a name such as __proto__ is a label like any other', gives, 'FROM scratch\nLABEL constructor=x', {
  Labels: { constructor: 'x' as unknown as never },
});

const argument = test.macro({
  exec: async (t, text: string, expected: string | undefined, given?: Given) => {
    t.is((await lowered(text, given)).state.variables.get('X'), expected);
  },
  title: (title = '') => `argument: ${title}`,
});

test('a default', argument, 'FROM scratch\nARG X=d', 'd');
test('a build argument wins over the default', argument, 'FROM scratch\nARG X=d', 'b', {
  buildArgs: { X: 'b' },
});
test('an empty build argument is a value', argument, 'FROM scratch\nARG X=d', '', { buildArgs: { X: '' } });
test('without a value it stays unset', argument, 'FROM scratch\nARG X', undefined);
test('a global value is seen when declared again', argument, 'ARG X=g\nFROM scratch\nARG X', 'g');
test('a global value is not seen otherwise', argument, 'ARG X=g\nFROM scratch', undefined);
test("the stage's own default beats the global value", argument, 'ARG X=g\nFROM scratch\nARG X=d', 'd');
test('a child stage inherits', argument, 'FROM scratch AS a\nARG X=d\nFROM a', 'd');
test('an unrelated stage does not', argument, 'FROM scratch AS a\nARG X=d\nFROM scratch', undefined);
test('ENV after ARG wins', argument, 'FROM scratch\nARG X=a\nENV X=e', 'e', { buildArgs: { X: 'b' } });
test('ARG after ENV wins', argument, 'FROM scratch\nENV X=e\nARG X', 'b', { buildArgs: { X: 'b' } });
test('names of one ARG line see the ones before', argument, 'FROM scratch\nARG A=1 X=$A', '1');
test(
  'the target platform is automatic',
  argument,
  'FROM scratch\nARG TARGETARCH\nENV X=$TARGETARCH',
  'amd64',
);
test(
  'TARGETSTAGE is the name of the target',
  argument,
  'FROM scratch AS a\nARG TARGETSTAGE\nENV X=$TARGETSTAGE\nFROM a',
  'a',
  { target: 'a' },
);

const fails = test.macro({
  exec: async (t, text: string, message: RegExp, given?: Given) => {
    const error = await t.throwsAsync(lowered(text, given), { instanceOf: TsbuildError });
    t.regex(`${error?.message} (${error?.hint})`, message);
  },
  title: (title = '') => `error: ${title}`,
});

test(
  'an unknown target, with the nearest name',
  fails,
  'FROM scratch AS build',
  /"bulid" could not be found \(did you mean build\?/,
  { target: 'bulid' },
);
test('a blank base name', fails, 'ARG B\nFROM $B', /base name \(\$B\) should not be blank/);
test('a stage that copies from itself', fails, 'FROM scratch AS a\nCOPY --from=a / /', /circular dependency/);
test(
  'a stage that copies from a later one',
  fails,
  'FROM scratch AS a\nCOPY --from=b / /\nFROM a AS b',
  /needs to be defined before/,
);
test('a stage number out of range', fails, 'FROM scratch\nCOPY --from=7 / /', /invalid stage index 7/);
test(
  'a required argument without a value',
  fails,
  'FROM scratch\nARG X\nENV Y="${X:?give it}"',
  /X: give it/,
);

test('stages that the target does not need are not looked at', async (t) => {
  const { state } = await lowered('FROM missing AS a\nRUN false\nFROM scratch\nENV A=1');
  t.deepEqual(historyOf(state), ['ENV A=1']);
});

test('a FROM in capitals finds its stage', async (t) => {
  const { state } = await lowered('FROM scratch AS Base\nENV A=1\nFROM Base');
  t.deepEqual(historyOf(state), ['ENV A=1']);
});

test('an undefined variable is warned of', async (t) => {
  const { warnings } = await lowered('FROM scratch\nENV A=$nothing');
  t.deepEqual(
    warnings.map(({ rule }) => rule),
    ['UndefinedVar'],
  );
});

test('a variable that is declared but has no value is not warned of', async (t) => {
  t.deepEqual((await lowered('FROM scratch\nARG X Y=$X\nENV A=$X')).warnings, []);
});

test('a base image of another platform is warned of', async (t) => {
  const { warnings } = await lowered('FROM --platform=linux/arm64 base AS arm64');
  t.deepEqual(
    warnings.map(({ rule, message }) => [rule, message]),
    [
      [
        'InvalidBaseImagePlatform',
        'Base image base was pulled with platform "linux/amd64", expected "linux/arm64" for current build',
      ],
    ],
  );
  t.deepEqual((await lowered('FROM base')).warnings, []);
});

test('steps are named after their stage and place', async (t) => {
  const { vertex } = await lowered('FROM scratch AS a\nRUN one\nFROM a\nWORKDIR /x\nRUN two');
  t.is(vertex.origin.name, '[stage-1 3/3] RUN two');
  t.is(vertex.inputs[0]?.inputs[0]?.origin.name, '[a 2/2] RUN one');
});
