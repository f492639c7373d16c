/**
 * fixtures/dockerfiles: what each file that has no errors builds, config and history, or why it cannot be built.
 * TSBUILD_CORPUS=write puts what is built now into files that say nothing of it; read it before you keep it.
 */
import test from 'ava';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lower } from '../../src/graph/lower/lower.js';
import type { ResolvedImage } from '../../src/graph/lower/lowering.js';
import { digestOf } from '../../src/oci/digest.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import type { Dockerfile } from '../../src/parser/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { projectRoot } from '../helpers/project.js';

/** What comes of the last stage. */
type Outcome =
  | { readonly history: readonly string[]; readonly config: object; readonly author?: string | undefined }
  | { readonly error: string; readonly line: number };

interface Expected {
  readonly errors?: readonly object[];
  readonly build?: Outcome;
}

const folder = join(projectRoot, 'fixtures', 'dockerfiles');
const platform = { os: 'linux', architecture: 'amd64' };

/** Every base is an image with a PATH and a CMD and without layers. */
function base(name: string): ResolvedImage {
  const config = { Env: ['PATH=/usr/bin:/bin'], Cmd: ['sh'] };
  return {
    name,
    configDigest: digestOf(name),
    config: { ...platform, config, rootfs: { type: 'layers', diff_ids: [] } },
    layers: [],
  };
}

async function outcome(dockerfile: Dockerfile): Promise<Outcome> {
  try {
    const { state } = await lower({
      dockerfile,
      identity: '/Dockerfile',
      platform,
      buildPlatform: platform,
      buildArgs: new Map(),
      labels: new Map(),
      ignoreCache: () => false,
      resolveImage: (name) => Promise.resolve(base(name)),
    });
    const { history, config, author } = state;
    return {
      history: history.map(({ createdBy }) => createdBy),
      config,
      ...(author === undefined ? {} : { author }),
    };
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    return { error: error.message, line: error.range?.startLine ?? 0 };
  }
}

for (const name of readdirSync(folder).sort()) {
  const path = join(folder, name, 'expected.json');
  const expected = JSON.parse(readFileSync(path, 'utf8')) as Expected;
  if (expected.errors !== undefined) continue;
  test(name, async (t) => {
    const text = readFileSync(join(folder, name, 'Dockerfile'), 'utf8');
    const built = await outcome(parseDockerfile({ name, text }));
    if (expected.build === undefined && process.env['TSBUILD_CORPUS'] === 'write') {
      writeFileSync(path, `${JSON.stringify({ ...expected, build: built }, undefined, 2)}\n`);
    }
    t.deepEqual(JSON.parse(JSON.stringify(built)), expected.build);
  });
}
