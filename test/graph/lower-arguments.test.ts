/** Variables: which instructions expand them, what ARG and ENV are worth where, and what RUN sees. */
import test from 'ava';
import { isPredefined, proxyVariables } from '../../src/graph/lower/arguments.js';
import { stepEnvironment } from '../../src/graph/lower/config.js';
import { controlArguments } from '../../src/parser/control-arguments.js';
import type { ContainerConfig } from '../../src/oci/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { historyOf, lowered, type Given } from '../helpers/lowered.js';

const gives = test.macro({
  exec: async (t, text: string, expected: Partial<ContainerConfig>, given?: Given) => {
    t.like((await lowered(text, given)).state.config, expected as object);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});

const scratch = (text: string) => `FROM scratch\nENV X=1\n${text}`;
test('ENV is expanded, keys too', gives, scratch('ENV Y$X=a${X}b'), { Env: [path(), 'X=1', 'Y1=a1b'] });
test('LABEL is expanded, keys too', gives, scratch('LABEL k$X="v$X" l=\'$X\''), {
  Labels: { k1: 'v1', l: '$X' },
});
test('EXPOSE is expanded', gives, scratch('EXPOSE 8$X'), { ExposedPorts: { '81/tcp': {} } });
test('STOPSIGNAL is expanded', gives, scratch('STOPSIGNAL $X'), { StopSignal: '1' });
test('USER is expanded', gives, scratch('USER "u$X"'), { User: 'u1' });
test('VOLUME is expanded', gives, scratch('VOLUME /v$X'), { Volumes: { '/v1': {} } });
test('VOLUME is expanded in JSON form too', gives, scratch('VOLUME ["/v$X", "\\"/q\\""]'), {
  Volumes: { '/v1': {}, '/q': {} },
});
test('WORKDIR is expanded', gives, scratch('WORKDIR /w$X'), { WorkingDir: '/w1' });
test('CMD is not expanded', gives, scratch('CMD $X'), { Cmd: ['/bin/sh', '-c', '$X'] });
test('ENTRYPOINT is not expanded', gives, scratch('ENTRYPOINT ["$X"]'), { Entrypoint: ['$X'] });
test('SHELL is not expanded', gives, scratch('SHELL ["$X"]'), { Shell: ['$X'] });
test('HEALTHCHECK is not expanded', gives, scratch('HEALTHCHECK CMD $X'), {
  Healthcheck: { Test: ['CMD-SHELL', '$X'] },
});
test('ONBUILD is not expanded', gives, scratch('ONBUILD ENV Y=$X'), { OnBuild: ['ENV Y=$X'] });
test('a trigger is expanded where it fires', gives, 'FROM scratch AS a\nONBUILD ENV Y=$X\nENV X=2\nFROM a', {
  Env: [path(), 'X=2', 'Y=2'],
});
test(
  'the variables of one port list split into ports',
  gives,
  'FROM scratch\nARG PORTS="3000 4000/udp"\nEXPOSE $PORTS',
  {
    ExposedPorts: { '3000/tcp': {}, '4000/udp': {} },
  },
);
test('an EXPOSE of nothing adds nothing', gives, 'FROM scratch\nARG P\nEXPOSE $P', { ExposedPorts: {} });
test('an undefined variable is empty', gives, 'FROM scratch\nENV A=[$B]', { Env: [path(), 'A=[]'] });
test(
  'the pairs of one line see the variables from before it',
  gives,
  'FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc',
  {
    Env: [path(), 'abc=bye', 'def=hello', 'ghi=bye'],
  },
);
test('ENV with an empty value is a variable', gives, 'FROM scratch\nENV A=', { Env: [path(), 'A='] });
test('the old form of ENV is expanded', gives, scratch("ENV A b  $X '$X' \\$X"), {
  Env: [path(), 'X=1', 'A=b  1 $X $X'],
});

function path(): string {
  return 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
}

const says = test.macro({
  exec: async (t, text: string, expected: string, given?: Given) => {
    t.is(historyOf((await lowered(text, given)).state).at(-1), expected);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});
test('COPY is expanded', says, scratch('COPY a$X /b$X'), 'COPY a1 /b1 # buildkit');
test(
  'COPY is expanded in JSON form too',
  says,
  scratch('COPY ["a$X", "/b \\"$X\\""]'),
  'COPY a1 /b 1 # buildkit',
);
test('ADD is expanded', says, scratch('ADD ${X%1}a /b$X/'), 'ADD a /b1/ # buildkit');
test('--chown is expanded', says, scratch('COPY --chown=$X:${X} a /'), 'COPY --chown=1:1 a / # buildkit');
test('--chmod is expanded', says, scratch('COPY --chmod=60$X a /'), 'COPY --chmod=601 a / # buildkit');
for (const flag of ['chown', 'chmod']) {
  test(
    'a flag that expands to nothing counts as none',
    says,
    scratch(`COPY --${flag}=$NOTHING a /`),
    'COPY a / # buildkit',
  );
}
test('RUN is not expanded', says, scratch('RUN $X'), 'RUN /bin/sh -c $X # buildkit');
test('MAINTAINER is not expanded', says, scratch('MAINTAINER $X'), 'MAINTAINER $X');

/** The value of X at the end of the last stage, or `unset`. */
const worth = test.macro({
  exec: async (t, text: string, expected: string, given?: Given) => {
    t.is((await lowered(text, given)).state.variables.get('X') ?? 'unset', expected);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});

test('a global ARG is seen by FROM', worth, 'ARG A=scratch\nFROM $A\nENV X=1', '1');
test('a global ARG is seen by every FROM', worth, 'ARG A=scratch\nFROM $A AS a\nFROM $A\nENV X=1', '1');
test('a global ARG is not seen inside stages', worth, 'ARG A=1\nFROM scratch\nENV X=[$A]', '[]');
test(
  'global ARGs see the ones before',
  worth,
  'ARG a2=1\nARG a3="$a2-foo"\nFROM scratch\nARG a3\nENV X=$a3',
  '1-foo',
);
test(
  'names of one global line see the ones before',
  worth,
  'ARG a=1 b=$a\nFROM scratch\nARG X=0 b\nENV X=$b',
  '1',
);
test(
  'global ARGs are words: quotes and escapes',
  worth,
  'ARG a=1\nARG b=\'$a\' c=\\$a d="$a 2"\nFROM scratch\nARG b c d\nENV X=$b$c$d',
  '$a$a1 2',
);
test('a build argument for a global ARG', worth, 'ARG A\nFROM $A\nENV X=1', '1', {
  buildArgs: { A: 'scratch' },
});
test(
  'a build argument that no ARG declares is not seen by a stage',
  worth,
  'FROM scratch\nENV X=[$A]',
  '[]',
  { buildArgs: { A: '1' } },
);
test('an empty build argument beats the default', worth, 'FROM scratch\nARG A=d\nENV X=[$A]', '[]', {
  buildArgs: { A: '' },
});
test('ARG NAME alone is unset, not empty', worth, 'FROM scratch\nARG A\nENV X=${A-unset}', 'unset');
test('ARG NAME= is empty', worth, 'FROM scratch\nARG A=\nENV X=[${A-unset}]', '[]');
test('the default of a stage beats the global value', worth, 'ARG X=g\nFROM scratch\nARG X=s', 's');
test(
  'the default of a stage beats an automatic one',
  worth,
  'FROM scratch\nARG TARGETARCH=zz\nENV X=$TARGETARCH',
  'zz',
);
test('a build argument beats the default of a stage', worth, 'FROM scratch\nARG X=s', 'b', {
  buildArgs: { X: 'b' },
});
test('ENV after ARG wins', worth, 'FROM scratch\nARG X\nENV X=e', 'e', { buildArgs: { X: 'b' } });
test('ARG after ENV wins: a build argument', worth, 'FROM scratch\nENV X=e\nARG X', 'b', {
  buildArgs: { X: 'b' },
});
test('ARG after ENV wins: a default', worth, 'FROM scratch\nENV X=e\nARG X=d', 'd');
test('an ARG without a value leaves ENV alone', worth, 'FROM scratch\nENV X=e\nARG X', 'e');
test('a child stage inherits ARGs', worth, 'FROM scratch AS a\nARG A=1\nFROM a\nENV X=$A', '1');
test('an unrelated stage does not', worth, 'FROM scratch AS a\nARG A=1\nFROM scratch\nENV X=[$A]', '[]');
test('ARG is no part of the image', gives, 'FROM scratch\nENV A=e\nARG A=d', { Env: [path(), 'A=e'] });
test('names of ARG are not expanded', worth, 'FROM scratch\nENV N=X\nARG $N=1', 'unset');
test(
  'values of build arguments are not expanded',
  worth,
  'FROM scratch\nENV Z=1\nARG A\nENV X=$A',
  '$Z "q"',
  { buildArgs: { A: '$Z "q"' } },
);

const automatic =
  'BUILDPLATFORM BUILDOS BUILDARCH TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT TARGETSTAGE'.split(' ');
const values = ['linux/amd64', 'linux', 'amd64', 'linux/arm/v7', 'linux', 'arm', 'v7', 'default'];
for (const [index, name] of automatic.entries()) {
  const given = { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } };
  test('automatic arguments have to be declared', worth, `FROM scratch\nENV X=[$${name}]`, '[]', given);
  test('automatic arguments', worth, `FROM scratch\nARG ${name}\nENV X=$${name}`, values[index] ?? '', given);
  test('automatic arguments give way to build arguments', worth, `FROM scratch\nARG ${name}\nENV X=$${name}`, 'q', {
    ...given, buildArgs: { [name]: 'q' },
  }); // prettier-ignore
}
for (const name of ['BUILDOSVERSION', 'BUILDVARIANT', 'TARGETOSVERSION', 'TARGETVARIANT']) {
  test(
    'automatic arguments that say nothing are empty',
    worth,
    `FROM scratch\nARG ${name}\nENV X=[\${${name}-unset}]`,
    '[]',
  );
}
test('FROM sees automatic arguments', worth, 'FROM --platform=$BUILDPLATFORM scratch\nENV X=1', '1');
const stage = 'FROM scratch AS a\nARG TARGETSTAGE\nENV X=$TARGETSTAGE\nFROM a AS B';
test('TARGETSTAGE is the target as it was asked for', worth, stage, 'A', { target: 'A' });
test('TARGETSTAGE is the name of the last stage', worth, stage, 'b');
test('TARGETSTAGE is default where the last stage has no name', worth, `${stage}\nFROM a`, 'default');

test('proxies are given to a step in both cases', (t) => {
  t.deepEqual(proxyVariables(new Map([['http_proxy', 'a'], ['No_Proxy', 'b'], ['X', 'c']])), [
    'HTTP_PROXY=a', 'http_proxy=a', 'NO_PROXY=b', 'no_proxy=b',
  ]); // prettier-ignore
});
for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY']) {
  test(`${name} needs no ARG`, (t) => t.true(isPredefined(name) && isPredefined(name.toLowerCase())));
}
test('proxies are in no history', says, 'FROM scratch\nRUN a', 'RUN /bin/sh -c a # buildkit', {
  buildArgs: { http_proxy: 'p' },
});
test(
  'a declared proxy is in the history',
  says,
  'FROM scratch\nARG http_proxy\nRUN a',
  'RUN |1 http_proxy=p /bin/sh -c a # buildkit',
  {
    buildArgs: { http_proxy: 'p' },
  },
);
test('proxies change no step', async (t) => {
  const [one, other] = await Promise.all(
    ['p', 'q'].map((http_proxy) => lowered('FROM scratch\nRUN a', { buildArgs: { http_proxy } })),
  );
  t.is(one?.vertex.digest, other?.vertex.digest);
});
test('a declared proxy changes the steps behind it', async (t) => {
  const text = 'FROM scratch\nARG http_proxy\nRUN a';
  const [one, other] = await Promise.all(
    ['p', 'q'].map((http_proxy) => lowered(text, { buildArgs: { http_proxy } })),
  );
  t.not(one?.vertex.digest, other?.vertex.digest);
});

for (const name of controlArguments) {
  test(`${name} is no variable of a step unless declared`, async (t) => {
    const buildArgs = { [name]: '1' };
    const { state } = await lowered('FROM scratch\nRUN a', { buildArgs });
    t.false(stepEnvironment(state).some((entry) => entry.startsWith(name)));
    const declared = await lowered(`FROM scratch\nARG ${name}\nRUN a`, { buildArgs });
    t.true(stepEnvironment(declared.state).includes(`${name}=1`));
  });
}

test('RUN sees ENV and ARG in the order in which they were first set', async (t) => {
  const { state } = await lowered('FROM scratch\nENV A=1\nARG B=2\nENV C=3\nARG A=4\nENV B=5\nARG D\nARG E=');
  t.deepEqual(stepEnvironment(state), [path(), 'A=4', 'B=5', 'C=3', 'E=']);
});

const fails = test.macro({
  exec: async (t, text: string, message: RegExp, given?: Given) => {
    const error = await t.throwsAsync(lowered(text, given), { instanceOf: TsbuildError });
    t.regex(`${error?.range?.startLine}: ${error?.message} (${error?.hint})`, message);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});
test('a demanded variable fails the build', fails, 'FROM scratch\nENV A="${x:?need x}"', /^2: x: need x/);
test('a demanded variable fails the build in FROM', fails, 'FROM ${x:?needed}', /^1: x: needed/);
test('a failing global default', fails, 'ARG A=${B:?b}\nFROM scratch', /B: b/);
test('a failing default of a stage', fails, 'FROM scratch\nARG A=${B:?b}', /^2: B: b/);
test('a failing global default that is not needed', worth, 'ARG X=${B:?b}\nFROM scratch\nARG X', '1', {
  buildArgs: { X: '1' },
});
test('a failing default of a stage that is not needed', worth, 'FROM scratch\nARG X=${B:?b}', '1', {
  buildArgs: { X: '1' },
});
test(
  'bad syntax fails in the words of a heredoc',
  fails,
  'FROM scratch\nCOPY <<E /x\n${A\nE',
  /^2: missing '}'/,
);
test('a key that expands to nothing', fails, 'FROM scratch\nENV $X=1', /^2: names can not be blank/);
test(
  'STOPSIGNAL is checked once expanded',
  fails,
  'FROM scratch\nENV S=SIGTREM\nSTOPSIGNAL $S',
  /^3: invalid signal: "SIGTREM" \(did you mean SIGTERM/,
);
test(
  'EXPOSE is checked once expanded',
  fails,
  'FROM scratch\nENV P=x\nEXPOSE $P',
  /^3: invalid port "x" in EXPOSE/,
);
test(
  '--chmod is checked once expanded',
  fails,
  'FROM scratch\nENV M=999\nCOPY --chmod=$M a /',
  /^3: invalid chmod parameter: "999"/,
);
test(
  '--checksum is expanded',
  fails,
  'FROM scratch\nENV C=sha256:1\nADD --checksum=$C http://a/b /',
  /^3: .*not "sha256:1"/,
);
test(
  'the platform of FROM is expanded',
  fails,
  'ARG P=foo\nFROM --platform=$P scratch',
  /^2: invalid platform "foo"/,
);
test(
  'a platform that expands to nothing',
  fails,
  'FROM --platform=$P scratch',
  /^1: empty platform value from expression \$P/,
);

test('an undefined variable is warned of, with the nearest name', async (t) => {
  const { warnings } = await lowered('FROM scratch\nENV foo=1\nENV A=$fo');
  t.deepEqual(warnings.map(({ rule, message, range }) => [rule, message, range.startLine]), [
    ['UndefinedVar', "Usage of undefined variable '$fo' (did you mean $foo?)", 3],
  ]); // prettier-ignore
});

test('all errors of the needed stages are told at once, in the order of the file', async (t) => {
  const text =
    'FROM scratch AS a\nENV A=${a:?one}\nFROM scratch\nCOPY --from=a x /\nUSER ${b:?two}\nCOPY --from=9 x /\nENV C=1';
  const error = await t.throwsAsync(lowered(text), { instanceOf: TsbuildError });
  const all = error === undefined ? [] : [error, ...error.others];
  t.deepEqual(all.map(({ range, message }) => [range?.startLine, message]), [
    [2, 'a: one'],
    [5, 'b: two'],
    [6, 'invalid stage index 9'],
  ]); // prettier-ignore
  t.true(all.every(({ source }) => source?.name === 'Dockerfile'));
});
