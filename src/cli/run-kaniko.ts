import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDigest, type Digest } from '../oci/digest.js';
import { isJsonObject } from '../oci/json-guards.js';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import { escapeControls } from '../progress/escape.js';
import { TsbuildError } from '../util/errors.js';
import { buildOptions } from './build-options.js';
import { buildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { kanikoArgs, kanikoContext, type KanikoValues } from './kaniko-args.js';
import { parseArgs } from './parse-args.js';
import { runBuild } from './run-build.js';

/** Where kaniko's image kept docker's config.json. */
const configFolder = '/kaniko/.docker';

/** Does what kaniko's executor would have done. Resolves to the exit code. */
export async function runKaniko(values: KanikoValues, cli: CliContext): Promise<number> {
  const place = kanikoContext(values);
  const args = kanikoArgs(values, place, cli.cwd);
  const parsed = parseArgs(buildSpec, args);
  if (parsed === 'help') return 0;
  const context: CliContext = {
    ...cli,
    env: withConfig(cli.env),
    ...(place.stdin === undefined ? {} : { stdin: createReadStream(resolve(cli.cwd, place.stdin)) }),
  };
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-kaniko-'));
  try {
    const metadataFile = join(folder, 'metadata.json');
    const request = buildRequest(place.context, parsed.options, context);
    const registry = { ...request.registry, mirrorsOnly: values['skip-default-registry-fallback'] };
    const checkPush = !values['skip-push-permission-check'];
    const code = await ignoringImmutableTags(values, cli, () =>
      runBuild([{ ...request, registry, checkPush, metadataFile }], context),
    );
    await writeDigests(values, cli.cwd, () => digestIn(metadataFile));
    return code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const buildSpec = {
  name: 'kaniko',
  summary: '',
  positionals: '',
  arity: [0, 0] as const,
  options: buildOptions,
  run: () => Promise.resolve(0),
};

function withConfig(env: CliContext['env']): CliContext['env'] {
  const given = env['DOCKER_CONFIG'] !== undefined || !existsSync(join(configFolder, 'config.json'));
  return given ? env : { ...env, DOCKER_CONFIG: configFolder };
}

async function ignoringImmutableTags(
  values: KanikoValues,
  { stderr }: CliContext,
  build: () => Promise<number>,
): Promise<number> {
  try {
    return await build();
  } catch (error) {
    const immutable =
      error instanceof TsbuildError && error.code === 'registry' && /immutable/i.test(error.message);
    if (!immutable || !values['push-ignore-immutable-tag-errors']) throw error;
    stderr.write(
      `warning: ${escapeControls(error.message)}; going on as --push-ignore-immutable-tag-errors says\n`,
    );
    return 0;
  }
}

async function digestIn(metadataFile: string): Promise<Digest | undefined> {
  const value: unknown = JSON.parse(await readFile(metadataFile, 'utf8').catch(() => '{}'));
  const digest = isJsonObject(value) ? value['containerimage.digest'] : undefined;
  return isDigest(digest) ? digest : undefined;
}

/** The files that later jobs of a pipeline read. */
async function writeDigests(
  values: KanikoValues,
  cwd: string,
  read: () => Promise<Digest | undefined>,
): Promise<void> {
  const digest = await read();
  if (digest === undefined) return;
  const names = values.destination.map((name) => withDefaultTag(parseReference(name)));
  const untagged = names.map((name) => formatReference({ ...name, tag: undefined, digest }));
  const tagged = names.map((name) => formatReference({ ...name, digest }));
  const files: readonly (readonly [path: string | undefined, text: string])[] = [
    [values['digest-file'], digest],
    [values['image-name-with-digest-file'], lines(untagged)],
    [values['image-name-tag-with-digest-file'], lines(tagged)],
  ];
  for (const [path, text] of files) {
    if (path === undefined) continue;
    await writeFile(resolve(cwd, path), text).catch((error: unknown) => {
      throw new TsbuildError('build', `cannot write ${JSON.stringify(path)}`, { cause: error });
    });
  }
}

function lines(names: readonly string[]): string {
  return names.map((name) => `${name}\n`).join('');
}
