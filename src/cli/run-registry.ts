import { parsePlatform } from '../oci/platform.js';
import { formatReference, parseReference, withDefaultTag, type Reference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import { registrySource } from '../build/copy/registry-source.js';
import { readImage } from '../build/copy/image-source.js';
import { formatBytes } from '../progress/units.js';
import type { RegistryClient } from '../registry/types.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import { isJson } from './format-option.js';
import type { OptionValues } from './option-table.js';
import { registryClient } from './registry-tools.js';
import { registryRequest, type registryOptions } from './registry-request.js';
import { jsonLines, textTable } from './text-table.js';

type Registry = OptionValues<typeof registryOptions>;

/** Runs `work` with a client; warnings go to standard error. */
async function withRegistry<T>(
  options: Registry,
  context: CliContext,
  work: (client: RegistryClient, job: Job) => Promise<T>,
): Promise<T> {
  const { signal, stderr } = context;
  const client = await registryClient(registryRequest(options), context);
  const job: Job = {
    signal,
    emit: (event) => event.kind === 'warning' && stderr.write(`warning: ${event.message}\n`),
  };
  try {
    return await work(client, job);
  } finally {
    client.close();
  }
}

/** Prints tags, one per line, in the registry's order. Resolves to the exit code. Throws `registry` where there are none. */
export async function runTags(text: string, options: Registry, context: CliContext): Promise<number> {
  const reference = parseReference(text);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new TsbuildError('usage', `${JSON.stringify(text)} names an image, not a repository`, {
      hint: `leave out the tag: ${formatReference({ ...reference, tag: undefined, digest: undefined })}`,
    });
  }
  const found = await withRegistry(options, context, (client, job) => client.listTags(reference, job));
  if (found.length === 0) {
    throw new TsbuildError('registry', `${formatReference(reference)} does not exist, or has no tags`, {
      hint: 'check the name; private repositories look the same before signing in',
    });
  }
  context.stdout.write(found.map((tag) => `${tag}\n`).join(''));
  return 0;
}

/** Prints the descriptors of referrers. Resolves to the exit code. */
export async function runReferrers(
  text: string,
  options: Registry & { readonly 'artifact-type': string | undefined; readonly format: string | undefined },
  context: CliContext,
): Promise<number> {
  const reference = withDefaultTag(parseReference(text));
  const wanted = options['artifact-type'];
  const all = await withRegistry(options, context, async (client, job) =>
    client.referrers(reference, reference.digest ?? (await digestOf(client, reference, job)), job),
  );
  const found = all.filter(({ artifactType }) => wanted === undefined || artifactType === wanted);
  const rows = found.map(({ digest, artifactType = '-', size }) => [digest, artifactType, formatBytes(size)]);
  context.stdout.write(
    isJson(options.format) ? jsonLines(found) : textTable(['DIGEST', 'TYPE', 'SIZE'], rows),
  );
  return 0;
}

async function digestOf(client: RegistryClient, reference: Reference, job: Job) {
  const found = await client.resolve(reference, job);
  if (found !== undefined) return found.descriptor.digest;
  throw new TsbuildError('registry', `${formatReference(reference)} does not exist`);
}

/** Prints a manifest or an index as the registry has it, byte for byte. Resolves to the exit code. */
export async function runInspectRaw(
  text: string,
  options: Registry & { readonly platform: string | undefined; readonly config: boolean },
  context: CliContext,
): Promise<number> {
  const reference = withDefaultTag(parseReference(text));
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const bytes = await withRegistry(options, context, async (client, job) => {
    const source = await registrySource(client, reference, job);
    if (platform === undefined && !options.config) return source.document(source.root);
    const image = await readImage(source, platform ?? parsePlatform('linux'));
    return options.config ? collect(image.config?.open()) : image.bytes;
  });
  context.stdout.write(bytes);
  return 0;
}

async function collect(chunks: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks ?? []) all.push(chunk);
  return Buffer.concat(all);
}
