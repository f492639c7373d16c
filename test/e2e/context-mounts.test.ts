/** Build contexts as sources of RUN --mount: folders, archives and images, in the place of stages and bases. */
import { writeFileSync } from 'node:fs';
import test from 'ava';
import { rawFile } from '../helpers/raw-tar.js';
import { printed, StepSite, stepTest } from './step-site.js';

const site = await StepSite.open('context-mounts');
test.after.always(() => site.close());

stepTest('mounts of named contexts: a folder without what it ignores, a tar, an image', async (t) => {
  const { workspace } = site;
  workspace.write({ 'named/f': 'from-folder', 'named/skip': '', 'named/.dockerignore': 'skip\n' });
  const tar = Buffer.concat([rawFile('t', 'from-tar'), Buffer.alloc(1024)]);
  writeFileSync(workspace.path('named.tar'), tar);
  const built = await site.build(
    `FROM base AS files
FROM base
RUN --mount=from=files,target=/f --mount=from=archive,target=/t --mount=from=tools,source=/etc,target=/e \\
    cat /f/f && ! test -e /f/skip && cat /t/t && head -1 /e/passwd
`,
    {
      args: [
        '--build-context=files=named',
        '--build-context=archive=named.tar',
        '--build-context=tools=docker-image://base',
      ],
    },
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /from-folder\n?from-tar\n?root:/);
});

stepTest('a named context in the place of a base image, with its own config', async (t) => {
  const renamed = await site.build('FROM base\nENV KIND=other\n', { args: ['-t', 'other'] });
  t.is(renamed.code, 0, renamed.output);
  const built = await site.build('FROM example.com/not/there:1\nRUN echo kind=$KIND\n', {
    args: ['--build-context=example.com/not/there:1=docker-image://other'],
  });
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /kind=other/);
});
