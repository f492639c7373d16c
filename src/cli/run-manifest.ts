import { resolve } from 'node:path';
import { openSource, type CopySource } from '../build/copy/copy-image.js';
import { readImage, withoutMounts } from '../build/copy/image-source.js';
import { formatLocation, parseLocation } from '../build/copy/location.js';
import {
  indexOfList,
  membersFrom,
  readList,
  removeList,
  requiredList,
  writeList,
  type ListMember,
  type ManifestList,
} from '../build/manifest-list.js';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import type { Descriptor, DescriptorPlatform } from '../oci/types.js';
import { pushImage, type PushableImage } from '../registry/push-image.js';
import { TsbuildError } from '../util/errors.js';
import { splitPair } from './build-values.js';
import type { CliContext } from './context.js';
import { withImageTools, type ImageTools } from './image-tools.js';
import { withStore } from './open-store.js';
import type { OptionValues } from './option-table.js';
import { registryRequest, type registryOptions } from './registry-request.js';

type Registry = OptionValues<typeof registryOptions>;

const quietly = { kind: 'quiet' as const, pushed: false };

/** Makes a list of images, or adds to one. Resolves to the exit code. */
export async function runManifestCreate(
  [text = '', ...images]: readonly string[],
  options: Registry & {
    readonly amend: boolean;
    readonly annotation: readonly string[];
    readonly 'oci-mediatypes': string | undefined;
  },
  context: CliContext,
): Promise<number> {
  const name = listName(text);
  const registry = registryRequest(options);
  await withImageTools({ registry, progress: quietly }, context, async (tools) => {
    const known = await readList(tools.store, name);
    if (known !== undefined && !options.amend) {
      throw new TsbuildError('usage', `there is a manifest list ${name} already`, {
        hint: 'add to it with --amend, or delete it with: tsbuild manifest rm NAME',
      });
    }
    const added = await Promise.all(images.map((image) => membersOf(image, tools, context)));
    const annotations = options.annotation.map((pair) => splitPair('--annotation', pair));
    await writeList(tools.store, {
      name,
      members: joined([...(known?.members ?? []), ...added.flat()]),
      annotations: { ...known?.annotations, ...Object.fromEntries(annotations) },
      docker:
        options['oci-mediatypes'] === undefined
          ? known?.docker === true
          : options['oci-mediatypes'] === 'false',
    });
  });
  context.stdout.write(`${name}\n`);
  return 0;
}

/** Of two members for one digest the later counts. */
function joined(members: readonly ListMember[]): readonly ListMember[] {
  return [...new Map(members.map((member) => [member.descriptor.digest, member])).values()];
}

async function membersOf(
  text: string,
  tools: ImageTools,
  { cwd }: CliContext,
): Promise<readonly ListMember[]> {
  const from = memberLocation(text, cwd);
  return membersFrom(await openSource(from, { ...tools, cwd }), formatLocation(from));
}

function memberLocation(text: string, cwd: string): CopySource {
  const from = parseLocation(text);
  if (from.kind === 'store' || from.kind === 'docker-archive') {
    throw new TsbuildError('unsupported', `${text} cannot be a member of a list: it has no manifest yet`, {
      hint: 'push it, or copy it to an oci-archive, and name that',
    });
  }
  return 'path' in from ? { ...from, path: resolve(cwd, from.path) } : from;
}

/** Changes what a list says of one of its members. Resolves to the exit code. */
export async function runManifestAnnotate(
  [text = '', image = '']: readonly string[],
  options: Readonly<Record<'os' | 'arch' | 'variant' | 'os-version', string | undefined>> & {
    readonly 'os-feature': readonly string[];
    readonly annotation: readonly string[];
  },
  context: CliContext,
): Promise<number> {
  const name = listName(text);
  await withStore(context, async (store) => {
    const list = await requiredList(store, name);
    const wanted = memberTest(image, context);
    if (!list.members.some(wanted))
      throw new TsbuildError('image', `${name} has no member ${JSON.stringify(image)}`, {
        hint: 'tsbuild manifest inspect shows the digests of the members',
      });
    const members = list.members.map((member) =>
      wanted(member) ? { ...member, descriptor: annotated(member.descriptor, options) } : member,
    );
    await writeList(store, { ...list, members });
  });
  return 0;
}

/** A member by its digest, or by where it came from. */
function memberTest(text: string, { cwd }: CliContext): (member: ListMember) => boolean {
  if (text.startsWith('sha256:')) return ({ descriptor }) => descriptor.digest === text;
  const source = formatLocation(memberLocation(text, cwd));
  const { digest } = source.includes('@') ? parseReference(source) : { digest: undefined };
  return (member) => member.source === source || member.descriptor.digest === digest;
}

function annotated(descriptor: Descriptor, options: Parameters<typeof runManifestAnnotate>[1]): Descriptor {
  const { os, arch, variant } = options;
  const version = options['os-version'];
  const features = options['os-feature'];
  const platform: DescriptorPlatform = {
    ...(descriptor.platform ?? { os: 'linux', architecture: 'amd64' }),
    ...(os === undefined ? {} : { os }),
    ...(arch === undefined ? {} : { architecture: arch }),
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
  };
  const pairs = options.annotation.map((pair) => splitPair('--annotation', pair));
  const annotations = { ...descriptor.annotations, ...Object.fromEntries(pairs) };
  return { ...descriptor, platform, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) };
}

/** Copies the members that the registry lacks, then pushes the list. Resolves to the exit code. */
export async function runManifestPush(
  [text = '', target = text]: readonly string[],
  options: Registry & { readonly purge: boolean; readonly quiet: boolean },
  context: CliContext,
): Promise<number> {
  const name = listName(text);
  const to = withDefaultTag(parseReference(target));
  const progress = { kind: options.quiet ? ('quiet' as const) : ('auto' as const), pushed: true };
  const registry = registryRequest(options);
  return withImageTools({ registry, progress }, context, async (tools) => {
    const { store, client, job } = tools;
    const list = await requiredList(store, name);
    const step = `push ${formatReference(to)}`;
    job.emit({ kind: 'declared', step, name: `pushing ${formatReference(to)}` });
    job.emit({ kind: 'started', step });
    const image = indexOfList(list, await memberTrees(list, to.registry, { tools, context }));
    const { digest } = await pushImage(await client(), image, [to], job, step);
    job.emit({ kind: 'finished', step, outcome: 'done' });
    if (options.purge) await removeList(store, name);
    context.stdout.write(`${formatReference({ ...to, digest })}\n`);
    return 0;
  });
}

async function memberTrees(
  { members }: ManifestList,
  registry: string,
  { tools, context }: { readonly tools: ImageTools; readonly context: CliContext },
): Promise<readonly PushableImage[]> {
  const trees: PushableImage[] = [];
  for (const { descriptor, source } of members) {
    const from = memberLocation(source, context.cwd);
    const opened = await openSource(from, { ...tools, cwd: context.cwd });
    const { mediaType, digest, size } = descriptor;
    const tree = await readImage({ ...opened, root: { mediaType, digest, size } }, undefined);
    trees.push(from.kind === 'registry' && from.reference.registry === registry ? tree : withoutMounts(tree));
  }
  return trees;
}

/** Prints the index that a push would send. Resolves to the exit code. */
export async function runManifestInspect(text: string, context: CliContext): Promise<number> {
  const name = listName(text);
  const list = await withStore(context, (store) => requiredList(store, name));
  context.stdout.write(
    `${JSON.stringify(JSON.parse(Buffer.from(indexOfList(list).bytes).toString()), null, 2)}\n`,
  );
  return 0;
}

/** Forgets lists. Resolves to the exit code. */
export async function runManifestRm(names: readonly string[], context: CliContext): Promise<number> {
  await withStore(context, async (store) => {
    for (const name of names.map(listName)) {
      await requiredList(store, name);
      await removeList(store, name);
    }
  });
  return 0;
}

function listName(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest === undefined) return formatReference(reference);
  throw new TsbuildError('usage', `the name of a list cannot have a digest: ${JSON.stringify(text)}`);
}
