/** Layers of every compression, made by the installed program and read by skopeo: the content is the same. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { missingOf } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const it = hasCommandLine && missingOf(['skopeo']).length === 0 ? test : test.skip;

it('gzip, zstd and none, at any level, are the same layer to skopeo', async (t) => {
  const workspace = makeWorkspace('compressions');
  t.teardown(() => workspace.remove());
  workspace.write({ 'c/Dockerfile': 'FROM scratch\nCOPY random zeros /\n' });
  // several blocks of the compressors that work on blocks at the same time
  writeFileSync(workspace.path('c/random'), randomBytes(9 << 20));
  writeFileSync(workspace.path('c/zeros'), Buffer.alloc(9 << 20));
  const blobs = new Set<string>();
  const found = new Set<string>();
  for (const [index, options] of [
    'compression=uncompressed',
    'compression=gzip',
    'compression=gzip,compression-level=9',
    'compression=zstd',
    'compression=zstd,compression-level=19',
  ].entries()) {
    const layout = workspace.path(`layout-${index}`);
    const output = `type=oci,dest=${layout},tar=false,${options}`;
    const built = await workspace.tsbuild(['build', '-o', output, workspace.path('c')]);
    t.is(built.code, 0, built.output);
    for (const blob of readdirSync(`${layout}/blobs/sha256`)) blobs.add(blob);
    const plain = workspace.path(`plain-${index}`);
    const copy = ['copy', '-q', '--insecure-policy', '--dest-decompress', `oci:${layout}`, `dir:${plain}`];
    execFileSync('skopeo', copy);
    found.add(readdirSync(plain).sort().join(' '));
  }
  t.is(found.size, 1);
  t.true(blobs.size > 5, 'the blobs differ');
});
