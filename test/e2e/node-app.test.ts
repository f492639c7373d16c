/** The example application, from its Dockerfile to an answer of the running container; then its cache. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { buildNodeBases } from '../helpers/demo-base.js';
import { freePort } from '../helpers/ports.js';
import { isRoot } from '../helpers/programs.js';
import { projectRoot } from '../helpers/project.js';
import { registryAvailable, startRegistry } from '../helpers/registry-server.js';
import { missingForBundles, startBundle, unpackImage } from '../helpers/run-image.js';
import { hasCommandLine, makeWorkspace, stepVerdicts } from '../helpers/tsbuild.js';

const workspace = makeWorkspace('node-app');
const ready = hasCommandLine && isRoot;
const it = ready ? test.serial : test.serial.skip;
const itRuns = ready && registryAvailable && missingForBundles.length === 0 ? test.serial : test.serial.skip;
const app = workspace.path('app');
const build = ['build', '--progress', 'plain', '-t', 'localhost/node-app'];

test.before(async () => {
  cpSync(join(projectRoot, 'examples/node-app'), app, { recursive: true });
  if (ready) await buildNodeBases(workspace);
});
test.after.always(() => workspace.remove());

/** Every instruction of the Dockerfile that makes a layer, in stages order. */
const steps = [
  'COPY package.json package-lock.json .npmrc ./',
  'COPY packages packages',
  'RUN npm ci --omit=dev --no-progress',
  'COPY --from=dependencies /app/node_modules node_modules',
  'COPY scripts scripts',
  'COPY src src',
  'RUN node scripts/build.js',
  'COPY test test',
  'RUN node --test',
  'COPY --from=test /app/dist dist',
];

it('the first build runs every step', async (t) => {
  const built = await workspace.tsbuild([...build, app]);
  t.is(built.code, 0, built.output);
  const { ran } = stepVerdicts(built.output);
  for (const step of steps) t.true(ran.includes(step), `${step} ran:\n${built.output}`);
  t.regex(built.output, /bundled 2 pages/);
  t.regex(built.output, /[#ℹ] pass 4/); // the sign differs between versions of Node
});

it('the second build finds every step in the cache and runs nothing', async (t) => {
  const built = await workspace.tsbuild([...build, app]);
  t.is(built.code, 0, built.output);
  const { cached, ran } = stepVerdicts(built.output);
  t.deepEqual(
    ran.filter((step) => !step.startsWith('FROM ')),
    [],
    built.output,
  );
  for (const step of steps) t.true(cached.includes(step), `${step} is CACHED:\n${built.output}`);
  t.notRegex(built.output, /bundled|[#ℹ] pass/);
});

it('a changed page runs what depends on it and nothing else', async (t) => {
  const page = join(app, 'src/pages/about.html');
  writeFileSync(page, readFileSync(page, 'utf8').replace('nothing else', 'little else'));
  const built = await workspace.tsbuild([...build, app]);
  t.is(built.code, 0, built.output);
  // Copies of unchanged files are found by what they copy, wherever they stand.
  t.deepEqual(
    stepVerdicts(built.output).ran.filter((step) => !step.startsWith('FROM ')),
    ['COPY src src', 'RUN node scripts/build.js', 'RUN node --test', 'COPY --from=test /app/dist dist'],
    built.output,
  );
});

it('a changed test that ends alike leaves the image as it is', async (t) => {
  const before = await workspace.tsbuild([...build, app]);
  const file = join(app, 'test/app.test.js');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n// a comment\n`);
  const after = await workspace.tsbuild([...build, app]);
  t.is(after.code, 0, after.output);
  const { cached } = stepVerdicts(after.output);
  t.true(cached.includes('COPY --from=test /app/dist dist'), after.output);
  t.is(after.stdout, before.stdout);
});

it('a failing test stops the build with the exit code of a failed RUN', async (t) => {
  const file = join(app, 'test/app.test.js');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace("'&lt;&amp;&quot;'", "'something else'"));
  const built = await workspace.tsbuild([...build, app]);
  writeFileSync(file, before);
  t.is(built.code, 4, built.output);
  t.regex(built.output, /RUN node --test/);
  t.regex(built.output, /Dockerfile:2\d/);
});

itRuns('pushed, read by skopeo, unpacked by umoci and run by runc, it answers', async (t) => {
  const registry = await startRegistry();
  const port = await freePort();
  try {
    const name = `${registry.host}/team/node-app:1.0`;
    const pushed = await workspace.tsbuild(['build', '--progress', 'plain', '-t', name, '--push', app]);
    t.is(pushed.code, 0, pushed.output);
    const env = [`PORT=${port}`, 'HOST=127.0.0.1'];
    const bundle = await unpackImage(`docker://${name}`, workspace.path('run'), env);
    const server = startBundle(bundle);
    await server.printed(/listening on/);
    const page = await (await fetch(`http://127.0.0.1:${port}/about`)).text();
    t.regex(page, /<title>What is inside<\/title>/);
    t.regex(page, /Visit 1 of this page, version 1\.0\.0/);
    t.is((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    t.is((await server.stop()).code, 0);
  } finally {
    await registry.close();
  }
});
