import test from 'ava';
import { canonicalJson } from '../../src/oci/canonical-json.js';
import { digestOf } from '../../src/oci/digest.js';
import { changeText, misses, rebuilt, type Change } from '../helpers/cache-project.js';
import { tarOf } from '../helpers/stores.js';

const text = changeText;

/** Steps of the project by what they are; each depends on the content of those before it in its stage. */
const workdir = 'WORKDIR /src';
const copyPackage = 'COPY package.json ./';
const deps = 'RUN write deps 1';
const copyApp = 'COPY --chown=1:2 --chmod=640 app lib/';
const out = 'RUN write out 1';
const last = 'RUN write last 1';

interface Case {
  readonly change: Change;
  readonly before?: Change;
  /** Instructions that are done again, in order. */
  readonly missed: readonly string[];
  /** Said of the first of them. */
  readonly why: string;
}

/** Only the first miss has a cause of its own: the others follow from it. */
const only = test.macro(async (t, { change, before, missed, why }: Case) => {
  const { second } = await rebuilt(change, before);
  const found = misses(second);
  const order = (names: readonly string[]) => [...names].sort();
  t.deepEqual(order(found.map(([name]) => name)), order(missed));
  const first = found.find(([name]) => name === missed[0]);
  t.is(first?.[1], why);
  for (const [name, reason] of found) {
    if (name !== missed[0] && reason !== why) t.regex(reason, /(?:^|; )the result of .* changed$/, name);
  }
});

const files = (change: Change, why: string, before?: Change): Case => ({
  change,
  why,
  missed: [copyApp, out],
  ...(before === undefined ? {} : { before }),
});

test('a changed command misses', only, {
  change: text('write deps 1', 'put deps 1'),
  missed: ['RUN put deps 1'],
  why: 'the instruction changed from "RUN write deps 1"',
});
test('a changed command with another result reruns what follows', only, {
  change: text('write deps 1', 'write deps 2'),
  missed: ['RUN write deps 2', out],
  why: 'the instruction changed from "RUN write deps 1"',
});
test('a step put in is new, and what follows runs on another root', only, {
  change: text('RUN write deps 1', 'RUN write extra 1\nRUN write deps 1'),
  missed: ['RUN write extra 1', deps, out],
  why: 'first',
});
test('a step taken out changes the root of what follows', only, {
  change: text('RUN write deps 1\n', ''),
  missed: [out],
  why: `the result of [build 4/5] ${copyApp} changed`,
});
test('an exec form is another command', only, {
  change: text('RUN write deps 1', 'RUN ["write deps 1"]'),
  missed: ['RUN ["write deps 1"]'],
  why: 'the instruction changed from "RUN write deps 1"',
});

for (const [title, from, to, why] of [
  ['a changed variable', 'A=1', 'A=3', 'the variable A changed from "1" to "3"'],
  ['a new variable', 'A=1', 'A=1 C=1', 'the variable C is new'],
  ['a variable that is gone', 'A=1 B=2', 'A=1', 'the variable B is gone'],
  ['an emptied variable', 'A=1', 'A=', 'the variable A changed from "1" to ""'],
  ['the order of variables', 'A=1 B=2', 'B=2 A=1', 'the order of variables changed'],
  ['a renamed variable', 'A=1', 'AA=1', 'the variable AA is new; the variable A is gone'],
  ['a variable that looks secret', 'A=1 B=2', 'A=1 B=2 API_TOKEN=hunter2', 'the variable API_TOKEN is new'],
  [
    'a changed default of an argument',
    'VERSION=1',
    'VERSION=2',
    'the build argument VERSION changed from "1" to "2"',
  ],
  ['an argument without default', 'VERSION=1', 'VERSION', 'the build argument VERSION is gone'],
  ['a new argument', 'ARG VERSION=1', 'ARG VERSION=1 X=1', 'the build argument X is new'],
  ['another user', 'WORKDIR /src', 'WORKDIR /src\nUSER 7', 'user changed from "" to "7"'],
] as const) {
  test(`${title} reruns the commands that see it`, only, {
    change: text(from, to),
    missed: [deps, out],
    why,
  });
}

test('a build argument reruns the commands that see it', only, {
  change: (project) => (project.buildArgs['VERSION'] = '2'),
  missed: [deps, out],
  why: 'the build argument VERSION changed from "1" to "2"',
});
test('a value of a build argument that looks secret is not shown', only, {
  before: (project) => (project.buildArgs['VERSION'] = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz'),
  change: (project) => (project.buildArgs['VERSION'] = 'ghp_zyxwvutsrqponmlkjihgfedcba9876543210'),
  missed: [deps, out],
  why: 'the build argument VERSION changed',
});
test('a password of a build argument is not shown', only, {
  before: text('VERSION=1', 'DB_PASSWORD=1'),
  change: (project) => (project.buildArgs['DB_PASSWORD'] = 'hunter2'),
  missed: [deps, out],
  why: 'the build argument DB_PASSWORD changed',
});
test('an argument declared between two commands reruns the second only', only, {
  change: text('RUN write out 1', 'ARG LATE=1\nRUN write out 1'),
  missed: [out],
  why: 'the build argument LATE is new',
});
test('a global argument that a stage takes reruns its commands', only, {
  before: (project) =>
    (project.text = `ARG G=1\n${project.text.replace('ARG VERSION=1', 'ARG VERSION=1\nARG G')}`),
  change: text('ARG G=1', 'ARG G=2'),
  missed: [deps, out],
  why: 'the build argument G changed from "1" to "2"',
});
test('an argument becomes a variable of the same value', only, {
  before: text('ARG VERSION=1', 'ARG VERSION=1\nENV VERSION=1'),
  change: text('ENV VERSION=1', 'ENV VERSION=2'),
  missed: [deps, out],
  why: 'the build argument VERSION changed from "1" to "2"',
});
test('another host name reruns all commands', only, {
  change: (project) => (project.buildArgs['BUILDKIT_SANDBOX_HOSTNAME'] = 'elsewhere'),
  missed: [deps, out, last],
  why: 'hostname changed from "buildkitsandbox" to "elsewhere"',
});
test('another platform reruns all commands', only, {
  change: (project) => (project.platform = { os: 'linux', architecture: 'arm64' }),
  missed: [deps, out, last],
  why: 'platform changed from "linux/amd64" to "linux/arm64"',
});
test('a platform variant reruns all commands', only, {
  change: (project) => (project.platform = { os: 'linux', architecture: 'amd64', variant: 'v2' }),
  missed: [deps, out, last],
  why: 'platform changed from "linux/amd64" to "linux/amd64/v2"',
});
test('another shell reruns the commands', only, {
  change: text('ENV A=1', 'SHELL ["/bin/bash", "-c"]\nENV A=1'),
  missed: [deps, out],
  why: 'argument 0 changed from "/bin/sh" to "/bin/bash"',
});
test('options of the shell rerun the commands', only, {
  change: text('ENV A=1', 'SHELL ["/bin/sh", "-ec"]\nENV A=1'),
  missed: [deps, out],
  why: 'argument 1 changed from "-c" to "-ec"',
});
test('another working directory reruns what is relative to it', only, {
  change: text('WORKDIR /src', 'WORKDIR /code'),
  missed: ['WORKDIR /code', copyPackage, deps, copyApp, out],
  why: 'the instruction changed from "WORKDIR /src"',
});
test('a user who owns the working directory', only, {
  change: text('WORKDIR /src', 'USER 7:7\nWORKDIR /src'),
  missed: [workdir, deps, out],
  why: 'user changed from "" to "7:7"',
});
test('a variable in a working directory', only, {
  before: text('WORKDIR /src', 'WORKDIR /src$A'),
  change: text('A=1', 'A=9'),
  missed: ['WORKDIR /src$A', copyPackage, deps, copyApp, out],
  why: 'path changed from "/src1" to "/src9"',
});
test('a heredoc script', only, {
  before: text('RUN write deps 1', 'RUN <<x\nwrite deps 1\nx'),
  change: text('<<x\nwrite deps 1', '<<x\nwrite deps 1 '),
  missed: ['RUN <<x', out],
  why: String.raw`command changed from "write deps 1 " to "write deps 1 "`,
});
test('a heredoc with an interpreter of its own', only, {
  before: text('RUN write deps 1', 'RUN <<x\n#!/bin/a\none\nx'),
  change: text('one', 'two'),
  missed: ['RUN <<x'],
  why: 'file /dev/pipes/x changed from "#!/bin/a one " to "#!/bin/a two "',
});

for (const [title, before, after, why] of [
  ['no network', '', '--network=none ', 'the instruction changed from "RUN write deps 1"'],
  ['a tmpfs', '', '--mount=type=tmpfs,target=/t ', 'the instruction changed from "RUN write deps 1"'],
  ['a cache', '', '--mount=type=cache,target=/t ', 'the instruction changed from "RUN write deps 1"'],
  ['a secret', '', '--mount=type=secret,id=s ', 'the instruction changed from "RUN write deps 1"'],
  [
    'another target of a cache',
    '--mount=type=cache,target=/t ',
    '--mount=type=cache,target=/u ',
    'the instruction changed from "RUN --mount=type=cache,target=/t write deps 1"',
  ],
  [
    'another id of a secret',
    '--mount=type=secret,id=s ',
    '--mount=type=secret,id=t ',
    'the instruction changed from "RUN --mount=type=secret,id=s write deps 1"',
  ],
  [
    'another target of a secret',
    '--mount=type=secret,id=s ',
    '--mount=type=secret,id=s,target=/s ',
    'the instruction changed from "RUN --mount=type=secret,id=s write deps 1"',
  ],
  [
    'a secret as a variable',
    '--mount=type=secret,id=s ',
    '--mount=type=secret,id=s,env=S ',
    'the instruction changed from "RUN --mount=type=secret,id=s write deps 1"',
  ],
  ['a bind mount', '', '--mount=target=/t ', 'the instruction changed from "RUN write deps 1"'],
  [
    'a writable bind mount',
    '--mount=target=/t ',
    '--mount=target=/t,rw ',
    'the instruction changed from "RUN --mount=target=/t write deps 1"',
  ],
] as const) {
  test(`${title} is another step`, only, {
    before: text('RUN write deps 1', `RUN ${before}write deps 1`),
    change: text(`RUN ${before}write deps 1`, `RUN ${after}write deps 1`),
    missed: [`RUN ${after}write deps 1`],
    why,
  });
}
test('a file that a bind mount shows', only, {
  before: async (project) => {
    await project.files.write('tool/main.js', '');
    text('RUN write deps 1', 'RUN --mount=source=tool,target=/t write deps 1')(project);
  },
  change: ({ files }) => files.write('tool/main.js', 'other'),
  missed: ['RUN --mount=source=tool,target=/t write deps 1'],
  why: 'the content of "main.js" changed',
});
test('the one file that a bind mount shows', only, {
  before: async (project) => {
    await project.files.write('tool/main.js', '');
    text('RUN write deps 1', 'RUN --mount=source=tool/main.js,target=/t write deps 1')(project);
  },
  change: ({ files }) => files.mode('tool/main.js', 0o755),
  missed: ['RUN --mount=source=tool/main.js,target=/t write deps 1'],
  why: 'the mode of "mount /t" changed',
});

test(
  'another content of a file',
  only,
  files(({ files }) => files.write('app/main.js', 'other'), 'the content of "app/main.js" changed'),
);
test(
  'equal size and mtime do not fool',
  only,
  files(
    async ({ files }) => {
      await files.write('app/main.js', 'niam');
      await files.touch('app/main.js', 1_000_000_000);
    },
    'the content of "app/main.js" changed',
    ({ files }) => files.touch('app/main.js', 1_000_000_000),
  ),
);
test(
  'a replaced file of equal size and mtime does not fool',
  only,
  files(
    async ({ files }) => {
      await files.remove('app/main.js');
      await files.write('app/main.js', 'niam');
      await files.touch('app/main.js', 1_000_000_000);
    },
    'the content of "app/main.js" changed',
    ({ files }) => files.touch('app/main.js', 1_000_000_000),
  ),
);
test(
  'a deep file',
  only,
  files(({ files }) => files.write('app/sub/util.js', 'x'), 'the content of "app/sub/util.js" changed'),
);
test(
  'an emptied file',
  only,
  files(({ files }) => files.write('app/main.js', ''), 'the content of "app/main.js" changed'),
);
test(
  'a new file',
  only,
  files(({ files }) => files.write('app/new', ''), 'the file "app/new" is new'),
);
test(
  'a new folder of files is told once',
  only,
  files(async ({ files }) => {
    await files.write('app/new/a', '');
    await files.write('app/new/b', '');
  }, 'the file "app/new" is new'),
);
test(
  'a new empty folder',
  only,
  files(({ files }) => files.folder('app/empty'), 'the file "app/empty" is new'),
);
test(
  'a removed file',
  only,
  files(({ files }) => files.remove('app/main.js'), 'the file "app/main.js" is gone'),
);
test(
  'a removed folder',
  only,
  files(({ files }) => files.remove('app/sub'), 'the file "app/sub" is gone'),
);
test(
  'a renamed file',
  only,
  files(async ({ files }) => {
    await files.remove('app/main.js');
    await files.write('app/start.js', 'main');
  }, 'the file "app/main.js" is gone, the file "app/start.js" is new'),
);
test(
  'another target of a link',
  only,
  files(async ({ files }) => {
    await files.remove('app/link');
    await files.symlink('app/link', 'sub');
  }, 'the link target of "app/link" changed'),
);
test(
  'a link becomes a file',
  only,
  files(async ({ files }) => {
    await files.remove('app/link');
    await files.write('app/link', 'main');
  }, 'the type of "app/link" changed'),
);
test(
  'a file becomes a folder',
  only,
  files(async ({ files }) => {
    await files.remove('app/main.js');
    await files.folder('app/main.js');
  }, 'the type of "app/main.js" changed'),
);
test(
  'a copy becomes a hard link',
  only,
  files(
    async ({ files }) => {
      await files.remove('app/twin');
      await files.hardLink('app/twin', 'app/main.js');
    },
    'the hard links of "app/main.js" changed, the hard links of "app/twin" changed',
    ({ files }) => files.write('app/twin', 'main'),
  ),
);
test(
  'many changed files are counted',
  only,
  files(async ({ files }) => {
    for (const name of 'abcde') await files.write(`app/${name}`, name);
  }, 'the file "app/a" is new, the file "app/b" is new, the file "app/c" is new and 2 more'),
);
test(
  'a pattern of .dockerignore',
  only,
  files((project) => project.ignore.push('app/sub'), 'the file "app/sub" is gone'),
);
test(
  'an exception of .dockerignore',
  only,
  files(
    (project) => project.ignore.push('!app/sub'),
    'the file "app/sub" is new',
    (project) => project.ignore.push('app/sub'),
  ),
);
test(
  'a file with a strange name',
  only,
  files(({ files }) => files.write('app/a\nb "c', ''), String.raw`the file "app/a b \"c" is new`),
);

const plain: Change = text('COPY --chown=1:2 --chmod=640 app lib/', 'COPY app lib/');
const plainCopy = (change: Change, why: string): Case => ({
  before: plain,
  change,
  missed: ['COPY app lib/', out],
  why,
});
test(
  'the mode of a file',
  only,
  plainCopy(({ files }) => files.mode('app/main.js', 0o755), 'the mode of "app/main.js" changed'),
);
test(
  'a setuid bit',
  only,
  plainCopy(({ files }) => files.mode('app/main.js', 0o4644), 'the mode of "app/main.js" changed'),
);
test(
  'a sticky bit of a folder',
  only,
  plainCopy(({ files }) => files.mode('app/sub', 0o1755), 'the mode of "app/sub" changed'),
);
test(
  'the mode of a folder',
  only,
  plainCopy(({ files }) => files.mode('app/sub', 0o700), 'the mode of "app/sub" changed'),
);

for (const [title, to] of [
  ['another destination', 'COPY --chown=1:2 --chmod=640 app other/'],
  ['another owner', 'COPY --chown=3:2 --chmod=640 app lib/'],
  ['another group', 'COPY --chown=1:3 --chmod=640 app lib/'],
  ['no owner', 'COPY --chmod=640 app lib/'],
  ['another mode', 'COPY --chown=1:2 --chmod=600 app lib/'],
  ['no mode', 'COPY --chown=1:2 app lib/'],
  ['parents', 'COPY --parents --chown=1:2 --chmod=640 app lib/'],
  ['an exclusion', 'COPY --exclude=sub --chown=1:2 --chmod=640 app lib/'],
  ['another source', 'COPY --chown=1:2 --chmod=640 app/sub lib/'],
  ['one more source', 'COPY --chown=1:2 --chmod=640 app package.json lib/'],
] as const) {
  test(`COPY with ${title}`, only, {
    change: text(copyApp, to),
    missed: [to, out],
    why: `the instruction changed from "${copyApp}"`,
  });
}
for (const [title, before, word, after, why] of [
  ['destination', 'COPY app $A/', 'A=1', 'A=9', 'destination changed from "/src/1/" to "/src/9/"'],
  ['owner', 'COPY --chown=$A:1 app lib/', 'A=1', 'A=9', '--chown changed from "1:1" to "9:1"'],
  ['mode', 'COPY --chmod=60$B app lib/', 'B=2', 'B=4', '--chmod changed from "602" to "604"'],
  ['source', 'COPY app/$A lib/', 'A=1', 'A=main.js', 'the file "app/1" is gone'],
] as const) {
  test(`a variable in a ${title} of COPY`, only, {
    before: async (project) => {
      await project.files.write('app/1', '');
      text(copyApp, before)(project);
      text('RUN write deps 1\n', '')(project);
    },
    change: text(word, after),
    missed: [before, out],
    why: title === 'source' ? 'source 1 changed from "app/1" to "app/main.js"' : why,
  });
}
test('a new match of a pattern', only, {
  before: text(copyApp, 'COPY app/*.js lib/'),
  change: ({ files }) => files.write('app/new.js', ''),
  missed: ['COPY app/*.js lib/', out],
  why: 'the file "app/new.js" is new',
});
test('a lost match of a pattern', only, {
  before: async (project) => {
    await project.files.write('app/old.js', '');
    text(copyApp, 'COPY app/*.js lib/')(project);
  },
  change: ({ files }) => files.remove('app/old.js'),
  missed: ['COPY app/*.js lib/', out],
  why: 'the file "app/old.js" is gone',
});
test('a file that is copied by its own name', only, {
  change: ({ files }) => files.write('package.json', '[]'),
  missed: [copyPackage, deps, out],
  why: 'the content of "package.json" changed',
});
test('the body of a heredoc', only, {
  change: text('text', 'other text'),
  missed: ['COPY <<conf /etc/', last],
  why: 'the content of "conf" changed',
});
test('a variable in the body of a heredoc', only, {
  before: (project) => {
    text('text', 'x=$X')(project);
    text('FROM other AS final', 'FROM other AS final\nENV X=1')(project);
    text('\nRUN write last 1', '')(project);
  },
  change: text('X=1', 'X=2'),
  missed: ['COPY <<conf /etc/'],
  why: 'the content of "conf" changed',
});
test('the name of a heredoc', only, {
  change: text('<<conf /etc/\ntext\nconf', '<<cfg /etc/\ntext\ncfg'),
  missed: ['COPY <<cfg /etc/', last],
  why: 'the instruction changed from "COPY <<conf /etc/"',
});
test('another file of a stage', only, {
  change: text('COPY --from=build /out /', 'COPY --from=build /deps /'),
  missed: ['COPY --from=build /deps /', last],
  why: 'the instruction changed from "COPY --from=build /out /"',
});
test('another name of a file of a stage', only, {
  change: text('COPY --from=build /out /', 'COPY --from=build /out /o'),
  missed: ['COPY --from=build /out /o', last],
  why: 'the instruction changed from "COPY --from=build /out /"',
});
test('another content of a file of a stage', only, {
  change: text('write out 1', 'write out 2'),
  missed: ['RUN write out 2', 'COPY --from=build /out /', last],
  why: 'the instruction changed from "RUN write out 1"',
});
test('another owner of a file of a stage', only, {
  before: text('COPY --from=build /out /', 'COPY --from=build /src/lib /'),
  change: text('--chown=1:2', '--chown=1:5'),
  missed: ['COPY --chown=1:5 --chmod=640 app lib/', out, 'COPY --from=build /src/lib /', last],
  why: `the instruction changed from "${copyApp}"`,
});
test('another mode of a file of a stage', only, {
  before: text('COPY --from=build /out /', 'COPY --from=build /src/lib /'),
  change: text('--chmod=640', '--chmod=600'),
  missed: ['COPY --chown=1:2 --chmod=600 app lib/', out, 'COPY --from=build /src/lib /', last],
  why: `the instruction changed from "${copyApp}"`,
});
test('another link of a stage', only, {
  before: text('COPY --from=build /out /', 'COPY --from=build /src/lib /'),
  change: async ({ files }) => {
    await files.remove('app/link');
    await files.symlink('app/link', 'sub');
  },
  missed: [copyApp, out, 'COPY --from=build /src/lib /', last],
  why: 'the link target of "app/link" changed',
});
test('an archive that ADD unpacks', only, {
  before: text(copyApp, 'ADD app lib/'),
  change: ({ files }) => files.write('app/main.js', 'x'),
  missed: ['ADD app lib/', out],
  why: 'the content of "app/main.js" changed',
});

const baseWith =
  (name: string, change: object): Change =>
  (project) => {
    project.bases[name] = change;
  };
test('a variable of the base reruns commands', only, {
  change: baseWith('base', { config: { Env: ['PATH=/bin', 'X=1'] } }),
  missed: [deps, out],
  why: 'the variable PATH changed from "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" to "/bin"; the variable X is new',
});
test('a user of the base reruns commands', only, {
  change: baseWith('base', { config: { User: '7:7' } }),
  missed: [workdir, deps, out],
  why: 'user changed from "" to "7:7"',
});
test('a shell of the base reruns commands', only, {
  change: baseWith('base', { config: { Shell: ['/bin/bash', '-c'] } }),
  missed: [deps, out],
  why: 'argument 0 changed from "/bin/sh" to "/bin/bash"',
});
test('a working directory of the base', only, {
  before: text('WORKDIR /src\n', ''),
  change: baseWith('base', { config: { WorkingDir: '/w' } }),
  missed: [copyPackage, deps, copyApp, out],
  why: 'destination changed from "/" to "/w/"',
});
test('a trigger of the base', only, {
  change: baseWith('base', { config: { OnBuild: ['RUN write trigger 1'] } }),
  missed: ['RUN write trigger 1', deps, out],
  why: 'first',
});

/** Config digest of a base with such layers. */
const baseDigest = (names: readonly string[]): string =>
  digestOf(
    canonicalJson({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: names.map((name) => digestOf(tarOf(name))) },
    }),
  );
const baseChanged = (before: readonly string[], now: readonly string[]): string =>
  `the base image changed from "${baseDigest(before)}" to "${baseDigest(now)}"`;
test('a layer of the base reruns what lies on it', only, {
  before: (project) => (project.baseLayers['base'] = ['one']),
  change: (project) => (project.baseLayers['base'] = ['two']),
  missed: [deps, out],
  why: baseChanged(['one'], ['two']),
});
test('one more layer of the base', only, {
  before: (project) => (project.baseLayers['base'] = ['one']),
  change: (project) => (project.baseLayers['base'] = ['one', 'two']),
  missed: [deps, out],
  why: baseChanged(['one'], ['one', 'two']),
});
test('a layer of the base of the last stage', only, {
  before: (project) => (project.baseLayers['other'] = ['one']),
  change: (project) => (project.baseLayers['other'] = ['two']),
  missed: [last],
  why: baseChanged(['one'], ['two']),
});

const mounted = 'RUN --mount=from=tool,source=/kit,target=/t write deps 1';
/** A stage of its own makes what the first command of the project gets as a bind mount. */
const withTool =
  (...commands: readonly string[]): Change =>
  (project) => {
    text('RUN write deps 1', mounted)(project);
    const runs = commands.map((command) => `RUN ${command}\n`).join('');
    project.text = `FROM scratch AS tool\n${runs}${project.text}`;
  };
test('a file of a stage that a bind mount shows', only, {
  before: withTool('write kit 1'),
  change: text('RUN write kit 1', 'RUN write kit 2'),
  missed: ['RUN write kit 2', mounted],
  why: 'the instruction changed from "RUN write kit 1"',
});
test('an extended attribute of a file of a stage that a bind mount shows', only, {
  before: withTool('attribute kit 1'),
  change: text('RUN attribute kit 1', 'RUN attribute kit 2'),
  missed: ['RUN attribute kit 2', mounted],
  why: 'the instruction changed from "RUN attribute kit 1"',
});
test('another part of the stage that a bind mount shows', only, {
  before: withTool('write kit 1', 'write box 2'),
  change: text('source=/kit', 'source=/box'),
  missed: [mounted.replace('/kit', '/box')],
  why: `the instruction changed from "${mounted}"`,
});
test('a part of a stage that a bind mount does not show', only, {
  before: withTool('write kit 1', 'write box 1'),
  change: text('RUN write box 1', 'RUN write box 2'),
  missed: ['RUN write box 2'],
  why: 'the instruction changed from "RUN write box 1"',
});
test('an extended attribute of a copied file of a stage', only, {
  before: text('RUN write out 1', 'RUN attribute out 1'),
  change: text('RUN attribute out 1', 'RUN attribute out 2'),
  missed: ['RUN attribute out 2', 'COPY --from=build /out /', last],
  why: 'the instruction changed from "RUN attribute out 1"',
});
test(
  'a named pipe',
  only,
  files(({ files }) => files.fifo('app/pipe'), 'the file "app/pipe" is new'),
);

test('another network of the command line', only, {
  change: (project) => (project.more = { network: 'none' }),
  missed: [deps, out, last],
  why: 'network changed from "default" to "none"',
});
for (const [title, from, to] of [
  ['a network of its own', '--network=default', '--network=none'],
  ['no sandbox', '--security=sandbox', '--security=insecure'],
  ['a read-only cache', '--mount=type=cache,target=/t', '--mount=type=cache,target=/t,ro'],
  ['another target of a tmpfs', '--mount=type=tmpfs,target=/t', '--mount=type=tmpfs,target=/u'],
  ['another part of the context', '--mount=source=app,target=/t', '--mount=source=app/sub,target=/t'],
] as const) {
  test(`${title}: another step`, only, {
    before: (project) => {
      text('RUN write deps 1', `RUN ${from} write deps 1`)(project);
      project.more = { entitlements: new Set(['security.insecure']) };
    },
    change: text(from, to),
    missed: [`RUN ${to} write deps 1`],
    why: `the instruction changed from "RUN ${from} write deps 1"`,
  });
}
for (const [title, flags, to, why] of [
  [
    'target of a mount',
    '--mount=type=tmpfs,target=/t$VERSION',
    '9',
    'the build argument VERSION changed from "1" to "9"; mount /t9 is new; mount /t1 is gone',
  ],
  [
    'id of a secret',
    '--mount=type=secret,id=s$VERSION',
    '9',
    'the build argument VERSION changed from "1" to "9"; secret s9 is new; secret s1 is gone',
  ],
] as const) {
  test(`a variable in the ${title}`, only, {
    before: (project) => {
      text('RUN write deps 1', `RUN ${flags} write deps 1`)(project);
      text('RUN write out 1\n', '')(project);
      text('/out /', '/src/lib /')(project);
    },
    change: (project) => (project.buildArgs['VERSION'] = to),
    missed: [`RUN ${flags} write deps 1`],
    why,
  });
}
test('a proxy that an ARG declares', only, {
  before: text('ARG VERSION=1', 'ARG VERSION=1\nARG HTTP_PROXY=a'),
  change: (project) => (project.buildArgs['HTTP_PROXY'] = 'b'),
  missed: [deps, out],
  why: 'the build argument HTTP_PROXY changed from "a" to "b"',
});
test('a platform of FROM', only, {
  before: text('FROM base AS build', 'FROM --platform=linux/amd64 base AS build'),
  change: text('--platform=linux/amd64', '--platform=linux/s390x'),
  missed: [deps, out],
  why: 'platform changed from "linux/amd64" to "linux/s390x"',
});
