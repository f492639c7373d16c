/** A C program: compiled in a stage with gcc, shipped in a stage without. */
import { statSync } from 'node:fs';
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { readImageFacts } from '../helpers/image-facts.js';
import { isRoot } from '../helpers/programs.js';
import { registryAvailable, startRegistry } from '../helpers/registry-server.js';
import { missingForBundles, runBundle, skopeoCopy, unpackImage } from '../helpers/run-image.js';
import { hasCommandLine, makeWorkspace, stepVerdicts } from '../helpers/tsbuild.js';

const base = isRoot ? await findBase('debian-gcc') : undefined;
const workspace = makeWorkspace('c-program');
test.after.always(() => workspace.remove());
const needs = [hasCommandLine, base !== undefined, registryAvailable, missingForBundles.length === 0];
const it = needs.every(Boolean) ? test.serial : test.serial.skip;

const dockerfile = `FROM scratch AS gcc
ADD rootfs.tar.zst /

FROM gcc AS build
WORKDIR /src
COPY *.c *.h ./
ARG GREETING=hello
RUN gcc -static -O2 -DGREETING="\\"$GREETING\\"" -o /out main.c words.c && strip /out
RUN /out > /output && grep -q "$GREETING" /output

FROM scratch
COPY --from=build /out /usr/bin/greet
COPY --from=build --chown=65534:65534 /output /expected
USER 65534:65534
ENTRYPOINT ["/usr/bin/greet"]
`;

test.before(() => {
  workspace.write({
    'c/Dockerfile': dockerfile,
    'c/main.c': '#include <stdio.h>\n#include "words.h"\nint main(void) { puts(words()); return 0; }\n',
    'c/words.c': '#include "words.h"\nconst char *words(void) { return GREETING " from C"; }\n',
    'c/words.h': 'const char *words(void);\n',
  });
  if (base !== undefined) placeBase(base, workspace.path('c'), 'rootfs.tar.zst');
});

it('is compiled, pushed and run; the compiler stays behind', async (t) => {
  const registry = await startRegistry();
  try {
    const name = `${registry.host}/greet:static`;
    const flags = ['--progress', 'plain', '--build-arg', 'GREETING=good day'];
    const built = await workspace.tsbuild(['build', ...flags, '-t', name, '--push', workspace.path('c')]);
    t.is(built.code, 0, built.output);

    const bundle = await unpackImage(`docker://${name}`, workspace.path('unpacked'));
    const ran = await runBundle(bundle);
    t.is(ran.code, 0, ran.output);
    t.is(ran.stdout, 'good day from C\n');

    await skopeoCopy(`docker://${name}`, `dir:${workspace.path('copy')}`);
    const facts = await readImageFacts(workspace.path('copy'));
    const paths = facts.filter(({ section, attribute }) => section === 'tree' && attribute === 'kind');
    t.deepEqual(
      paths.map(({ subject }) => subject),
      ['expected', 'usr', 'usr/bin', 'usr/bin/greet'],
    );
  } finally {
    await registry.close();
  }
});

it('a comment in a header compiles again; an equal program keeps the image', async (t) => {
  const args = ['build', '--progress', 'plain', '--build-arg', 'GREETING=good day', workspace.path('c')];
  const before = await workspace.tsbuild(args);
  workspace.write({ 'c/words.h': '/* words */\nconst char *words(void);\n' });
  const after = await workspace.tsbuild(args);
  t.is(after.code, 0, after.output);
  const { cached, ran } = stepVerdicts(after.output);
  t.true(ran.includes('COPY *.c *.h ./'), after.output);
  t.true(cached.includes('COPY --from=build /out /usr/bin/greet'), after.output);
  t.is(after.stdout, before.stdout);
});

it('the archive for Docker is smaller than the compiler by far', async (t) => {
  const archive = workspace.path('greet.tar');
  const args = [
    'build',
    '--progress',
    'plain',
    '-o',
    `type=docker,dest=${archive},name=greet`,
    workspace.path('c'),
  ];
  const built = await workspace.tsbuild(args);
  t.is(built.code, 0, built.output);
  t.true(statSync(archive).size < 2_000_000);
});
