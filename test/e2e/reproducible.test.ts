/** Equal inputs give equal bytes: in another folder, another store, at another time, two at once. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { isRoot, outputOf } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace, stepVerdicts } from '../helpers/tsbuild.js';
import type { Workspace } from '../helpers/tsbuild.js';

const busybox = await findBase('busybox');
const ready = hasCommandLine && busybox !== undefined && isRoot;
const it = ready ? test : test.skip;

const dockerfile = `FROM scratch AS base
ADD rootfs.tar /
FROM base AS build
WORKDIR /src
COPY . .
RUN mkdir out && cat *.txt > out/all && date > out/date && ln out/all out/same && ln -s all out/link
FROM base
COPY --from=build /src/out /app
RUN echo done > /done && touch /app/made && chown -R app:app /app
WORKDIR /app/work
CMD ["cat", "/app/all"]
`;
const epoch = '1700000123';

function place(workspace: Workspace): string {
  workspace.write({ 'c/Dockerfile': dockerfile, 'c/a.txt': 'a\n', 'c/b.txt': 'b\n' });
  if (busybox !== undefined) placeBase(busybox, workspace.path('c'));
  return workspace.path('c');
}

async function layoutDigest(
  workspace: Workspace,
  context: string,
  extra: readonly string[],
): Promise<string> {
  const layout = workspace.path('layout');
  const args = ['build', '--progress', 'plain', '-o', `type=oci,dest=${layout},tar=false`, ...extra, context];
  const built = await workspace.tsbuild(args, { env: { SOURCE_DATE_EPOCH: epoch } });
  if (built.code !== 0) throw new Error(built.output);
  return readFileSync(`${layout}/index.json`, 'utf8');
}

it('SOURCE_DATE_EPOCH: two stores, two folders, other file times, one digest', async (t) => {
  const [first, second] = [makeWorkspace('same'), makeWorkspace('same')];
  try {
    // what `date` prints is content: both builds get the same
    const fixed = (text: string): string => text.replace('date >', `date -d @${epoch} >`);
    const contexts = [place(first), place(second)] as const;
    for (const workspace of [first, second]) workspace.write({ 'c/Dockerfile': fixed(dockerfile) });
    await outputOf(['sh', '-c', `touch -d '3 days ago' ${contexts[0]}/*.txt`]);
    const one = await layoutDigest(first, contexts[0], []);
    const other = await layoutDigest(second, contexts[1], ['--no-cache']);
    t.is(one, other);
  } finally {
    await first.remove();
    await second.remove();
  }
});

it('a cached build gives the image of the build that ran', async (t) => {
  const workspace = makeWorkspace('cached');
  try {
    const context = place(workspace);
    const args = ['build', '--progress', 'plain', '-t', 'localhost/x', context];
    const ran = await workspace.tsbuild(args);
    const cached = await workspace.tsbuild(args);
    t.is(ran.code, 0, ran.output);
    t.regex(ran.stdout, /^sha256:[0-9a-f]{64}\n$/);
    t.is(cached.stdout, ran.stdout);
    t.deepEqual(
      stepVerdicts(cached.output).ran.filter((step) => !step.startsWith('FROM ')),
      [],
      cached.output,
    );
  } finally {
    await workspace.remove();
  }
});

it('two builds at once on one store both succeed, whatever was interrupted before', async (t) => {
  const workspace = makeWorkspace('twice');
  try {
    const context = place(workspace);
    const slow = dockerfile.replace('RUN mkdir out', 'RUN sleep 1 && mkdir out');
    workspace.write({ 'c/Dockerfile': slow });
    const args = ['build', '--progress', 'plain', context];
    const interrupted = workspace.start(args);
    await interrupted.printed(/RUN sleep/);
    interrupted.signal('SIGKILL');
    await interrupted.ended;
    const both = await Promise.all([workspace.tsbuild(args), workspace.tsbuild(args)]);
    for (const each of both) t.is(each.code, 0, each.output);
    const again = await workspace.tsbuild(args);
    t.deepEqual(
      stepVerdicts(again.output).ran.filter((step) => !step.startsWith('FROM ')),
      [],
      again.output,
    );
  } finally {
    await workspace.remove();
  }
});

it('two builds at once on one store run a shared step once and, with SOURCE_DATE_EPOCH, agree', async (t) => {
  const workspace = makeWorkspace('once');
  try {
    const context = place(workspace);
    const slow = dockerfile.replace('RUN mkdir out', 'RUN sleep 1 && mkdir out');
    workspace.write({ 'c/Dockerfile': slow });
    const args = ['build', '--progress', 'plain', context];
    // Times of folders that COPY makes are each build's own without it.
    const build = () => workspace.tsbuild(args, { env: { SOURCE_DATE_EPOCH: epoch } });
    const both = await Promise.all([build(), build()]);
    const runs = both
      .flatMap(({ output }) => stepVerdicts(output).ran)
      .filter((step) => step.startsWith('RUN sleep'));
    t.is(runs.length, 1, `${both[0].output}\n----\n${both[1].output}`);
    t.is(both[0].stdout, both[1].stdout);
  } finally {
    await workspace.remove();
  }
});
