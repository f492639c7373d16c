import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { FakeBuild } from '../helpers/fake-build.js';
import { changeText, misses, rebuilt, type Change, type Project } from '../helpers/cache-project.js';

const text = changeText;
const root = process.getuid?.() === 0;

/** The second build does nothing, and gives the same. */
const hits = test.macro(async (t, change: Change, before?: Change) => {
  const { first, second } = await rebuilt(change, before);
  t.deepEqual(misses(second), []);
  t.deepEqual(second.ran, []);
  t.is(second.content, first.content);
});

test('nothing changed', hits, () => undefined);
test('mtime of a file', hits, ({ files }) => files.touch('app/main.js', 1_000_000_000));
test('mtime of a folder', hits, ({ files }) => files.touch('app/sub', 1_000_000_000));
test('a file written again with the same content', hits, ({ files }) => files.write('app/main.js', 'main'));
test('a file replaced by an equal one', hits, async ({ files }) => {
  await files.remove('app/main.js');
  await files.write('app/main.js', 'main');
});
test('a folder removed and made again', hits, async ({ files }) => {
  await files.remove('app/sub');
  await files.write('app/sub/util.js', 'util');
});
test(
  'another order of a listing',
  hits,
  async ({ files }) => {
    for (const name of ['b', 'a']) await files.remove(`app/${name}`);
    for (const name of ['a', 'b']) await files.write(`app/${name}`, name);
  },
  async ({ files }) => {
    for (const name of ['b', 'a']) await files.write(`app/${name}`, name);
  },
);
test('a file that no step copies', hits, ({ files }) => files.write('notes', ''));
test(
  'a file that .dockerignore keeps out',
  hits,
  ({ files }) => files.write('app/x.log', '2'),
  async (project) => {
    project.ignore.push('**/*.log');
    await project.files.write('app/x.log', '1');
  },
);
test('a pattern of .dockerignore that hides nothing', hits, (project) => project.ignore.push('nothing'));
test(
  'a file that --exclude keeps out',
  hits,
  ({ files }) => files.write('app/sub/x.tmp', '2'),
  async (project) => {
    text('COPY --chown=1:2', 'COPY --exclude=**/*.tmp --chown=1:2')(project);
    await project.files.write('app/sub/x.tmp', '1');
  },
);
test('a mode that --chmod replaces', hits, ({ files }) => files.mode('app/main.js', 0o600));
(root ? test : test.skip)('the owner of a file of the context', hits, ({ files }) =>
  files.owner('app/main.js', 5, 5),
);
(root ? test : test.skip)('the owner of a folder of the context', hits, ({ files }) =>
  files.owner('app', 5, 5),
);
test(
  'a file that a bind mount does not show',
  hits,
  ({ files }) => files.write('other', '2'),
  text('RUN write deps 1', 'RUN --mount=source=app,target=/t write deps 1'),
);

for (const [title, from, to] of [
  ['a comment', 'ENV A=1', '# note\nENV A=1'],
  ['blank lines', 'ENV A=1', '\n\nENV A=1'],
  ['a line continued', 'ENV A=1 B=2', 'ENV A=1 \\\n  B=2'],
  ['lower case', 'ENV A=1', 'env A=1'],
  ['a label', 'ENV A=1 B=2', 'ENV A=1 B=2\nLABEL x=1'],
  ['a maintainer', 'ENV A=1 B=2', 'ENV A=1 B=2\nMAINTAINER x'],
  ['a port', 'ENV A=1 B=2', 'ENV A=1 B=2\nEXPOSE 80'],
  ['a volume', 'ENV A=1 B=2', 'ENV A=1 B=2\nVOLUME /v'],
  ['a command', 'ENV A=1 B=2', 'ENV A=1 B=2\nCMD ["x"]'],
  ['an entry point', 'ENV A=1 B=2', 'ENV A=1 B=2\nENTRYPOINT ["x"]'],
  ['a stop signal', 'ENV A=1 B=2', 'ENV A=1 B=2\nSTOPSIGNAL SIGINT'],
  ['a health check', 'ENV A=1 B=2', 'ENV A=1 B=2\nHEALTHCHECK NONE'],
  ['a trigger', 'ENV A=1 B=2', 'ENV A=1 B=2\nONBUILD RUN x'],
  ['two ENV lines', 'ENV A=1 B=2', 'ENV A=1\nENV B=2'],
  ['an old form of ENV', 'ENV A=1 B=2', 'ENV A 1\nENV B=2'],
  ['quotes', 'ENV A=1 B=2', 'ENV A="1" B=2'],
  ['a variable for a value', 'ENV A=1 B=2', 'ENV A=1\nENV B=2$NOTHING'],
  ['an environment below the last command', 'RUN write last 1', 'RUN write last 1\nENV LATE=1'],
  ['an argument below the last command', 'RUN write last 1', 'RUN write last 1\nARG LATE=1'],
  ['an argument below the last command of a stage', 'RUN write out 1', 'RUN write out 1\nARG LATE=1'],
  ['a user below the last command', 'RUN write last 1', 'RUN write last 1\nUSER 5'],
  ['a global argument that nothing takes', 'FROM base AS build', 'ARG G=1\nFROM base AS build'],
  ['an argument for the base', 'FROM base AS build', 'ARG G=base\nFROM $G AS build'],
  ['another stage', 'FROM other AS final', 'FROM other AS unused\nRUN fail 1\nFROM other AS final'],
  ['a stage between', 'FROM other AS final', 'FROM other AS middle\nFROM middle AS final'],
  ['the number of a stage', 'COPY --from=build', 'COPY --from=0'],
  ['the same folder said in another way', 'WORKDIR /src', 'WORKDIR /src/'],
  ['a folder in two steps', 'WORKDIR /src', 'WORKDIR /\nWORKDIR src'],
  ['a destination said in another way', 'COPY package.json ./', 'COPY package.json /src/'],
  ['a source said in another way', 'COPY package.json ./', 'COPY ./package.json ./'],
  ['a list of words', 'COPY package.json ./', 'COPY ["package.json", "./"]'],
  ['ADD of a plain file', 'COPY package.json ./', 'ADD package.json ./'],
  ['an owner that is the default', 'COPY package.json ./', 'COPY --chown=0:0 package.json ./'],
  ['a mode that it has', 'COPY package.json ./', 'COPY --chmod=644 package.json ./'],
  ['an exclusion that hides nothing', 'COPY package.json ./', 'COPY --exclude=x package.json ./'],
  ['another order of flags', '--chown=1:2 --chmod=640', '--chmod=640 --chown=1:2'],
  ['another name of a base with the same config', 'FROM other AS final', 'FROM other:2 AS final'],
  ['a copy of its own', 'COPY --from=build /out /', 'COPY --link --from=build /out /'],
  ['a directive', 'FROM base AS build', '# syntax=docker/dockerfile:1\nFROM base AS build'],
  ['another quoting of a heredoc', 'COPY <<conf', 'COPY <<"conf"'],
  ['a lifetime', 'RUN write deps 1', '# tsbuild:ttl=24h\nRUN write deps 1'],
] as const) {
  test(title, hits, (project) => {
    if (title === 'a directive') project.text = project.text.replace(from, to);
    else text(from, to)(project);
  });
}
test('another name of a stage', hits, (project) => {
  project.text = project.text.replace('AS build', 'AS make').replace('--from=build', '--from=make');
});
test(
  'id and sharing of a cache',
  hits,
  text('id=a,sharing=shared', 'id=b,sharing=locked'),
  text('RUN write deps 1', 'RUN --mount=type=cache,target=/t,id=a,sharing=shared write deps 1'),
);
test(
  'mode and owner of a cache',
  hits,
  text('mode=0700', 'mode=0777,uid=5'),
  text('RUN write deps 1', 'RUN --mount=type=cache,target=/t,mode=0700 write deps 1'),
);

for (const [title, name] of [
  ['a proxy', 'HTTP_PROXY'],
  ['a proxy in lower case', 'https_proxy'],
  ['exceptions of a proxy', 'NO_PROXY'],
  ['an argument that is declared nowhere', 'NOWHERE'],
  ['the epoch', 'SOURCE_DATE_EPOCH'],
  ['an inline cache', 'BUILDKIT_INLINE_CACHE'],
] as const) {
  test(title, hits, (project) => (project.buildArgs[name] = '1'));
  test(
    `${title}, changed`,
    hits,
    (project) => (project.buildArgs[name] = '2'),
    (project) => (project.buildArgs[name] = '1'),
  );
}
test(
  'an argument of another stage',
  hits,
  (project) => (project.buildArgs['ELSEWHERE'] = '2'),
  text('RUN write last 1', 'RUN write last 1\nARG ELSEWHERE'),
);
test('a build argument that says the default', hits, (project) => (project.buildArgs['VERSION'] = '1'));
test(
  'the order of build arguments',
  hits,
  (project) => {
    const { VERSION = '' } = project.buildArgs;
    project.buildArgs = { X: '1', VERSION };
  },
  (project) => (project.buildArgs = { VERSION: '7', X: '1' }),
);
test('labels of the command line', hits, (project) => (project.labels['x'] = '1'));
test('labels of the base', hits, (project) => (project.bases['base'] = { config: { Labels: { x: '1' } } }));
test(
  'history and author of the base',
  hits,
  (project) => (project.bases['base'] = { author: 'x', created: '2020-01-01T00:00:00Z' }),
);

for (const [title, before, now] of [
  ['memory', { limits: { memory: 1 << 20 } }, { limits: { memory: 1 << 21 } }],
  ['processors', { limits: { cpus: 1 } }, { limits: { cpus: 2 } }],
  ['processes', { limits: { pids: 10 } }, { limits: { pids: 20 } }],
  ['shared memory', { limits: { shmSize: 1 << 20 } }, { limits: { shmSize: 1 << 21 } }],
  ['the time of a step', { limits: { timeout: 1000 } }, { limits: { timeout: 2000 } }],
  ['limits of setrlimit', { limits: { ulimits: [] } }, {}],
  ['hosts', { extraHosts: [] }, {}],
] as const satisfies readonly (readonly [string, Project['more'], Project['more']])[]) {
  test(
    title,
    hits,
    (project) => (project.more = now),
    (project) => (project.more = before),
  );
}
for (const [title, flags, to] of [
  ['the value of a secret', 'id=s', 'id=s'],
  ['the value of a secret in a variable', 'id=s,env=S', 'id=s,env=S'],
  ['mode and owner of a secret', 'id=s,mode=0400', 'id=s,mode=0444,uid=7'],
  ['whether a secret must be there', 'id=s', 'id=s,required=true'],
] as const) {
  test(
    title,
    hits,
    (project) => {
      text(flags, to)(project);
      project.more = { secrets: { s: 'two' } };
    },
    (project) => {
      text('RUN write deps 1', `RUN --mount=type=secret,${flags} write deps 1`)(project);
      project.more = { secrets: { s: 'one' } };
    },
  );
}
test(
  'the size of a tmpfs',
  hits,
  text('size=1m', 'size=2m'),
  text('RUN write deps 1', 'RUN --mount=type=tmpfs,target=/t,size=1m write deps 1'),
);
test('an extended attribute of a file of the context', hits, ({ files }) =>
  files.attribute('app/main.js', '1'),
);
test(
  'another config of a base with equal layers',
  hits,
  (project) => (project.bases['base'] = { config: { Labels: { a: '1' } } }),
  (project) => (project.baseLayers['base'] = ['one', 'two']),
);

test('the same project in another folder', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', '1');
  const dockerfile = 'FROM scratch\nCOPY a /\nRUN write f 1';
  await build.build(dockerfile);
  await rename(build.context, join(build.folder, 'old'));
  await build.put('a', '1');
  t.deepEqual((await build.build(dockerfile)).ran, []);
});
