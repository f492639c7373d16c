import type { ResolvedImage } from '../graph/lower/lowering.js';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import type { Platform } from '../oci/platform.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildContext, ContextTools } from './build-context.js';
import { folderContext } from './context-folder.js';
import { readIgnoreFile } from './dockerfile-input.js';
import type { ImageResolver } from './image-resolver.js';
import { layoutImage, parseLayout } from './layout-image.js';
import { openContext } from './open-context.js';

/** What `--build-context NAME=…` stands for. */
export type NamedContext =
  | { readonly kind: 'files'; readonly name: string; readonly context: BuildContext }
  | {
      readonly kind: 'image';
      /** As the user wrote it. */
      readonly name: string;
      readonly resolve: (images: ImageResolver, platform: Platform) => Promise<ResolvedImage>;
    };

/**
 * The form in which names of contexts are compared: that of image names, so that `alpine` stands for
 * `docker.io/library/alpine:latest` too. Throws `usage` for what could not stand in FROM or --from.
 */
export function contextName(name: string): string {
  return formatReference(withDefaultTag(parseReference(name.toLowerCase())));
}

/** As `contextName`; undefined for what is no name. */
export function maybeContextName(name: string): string | undefined {
  try {
    return contextName(name);
  } catch (error) {
    if (error instanceof TsbuildError) return undefined;
    throw error;
  }
}

export interface NamedContextArgument {
  readonly name: string;
  /** A path, a URL, `docker-image://REFERENCE` or `oci-layout://PATH[:TAG|@DIGEST]`. */
  readonly value: string;
  /** Makes a path absolute. */
  readonly absolute: (path: string) => string;
}

/** Opens what a name stands for; images are resolved and repositories fetched when a stage asks. Throws `usage`. */
export async function openNamedContext(
  { name, value, absolute }: NamedContextArgument,
  tools: ContextTools,
): Promise<NamedContext> {
  const [, scheme = '', rest = ''] = /^(docker-image|oci-layout|target):(?:\/\/)?(.*)$/.exec(value) ?? [];
  if (scheme === 'docker-image')
    return { kind: 'image', name, resolve: (images, platform) => images.resolve(rest, platform) };
  if (scheme === 'oci-layout') {
    const layout = parseLayout(rest);
    const path = absolute(layout.path);
    return {
      kind: 'image',
      name,
      resolve: (_, platform) => layoutImage({ ...layout, path }, tools.store, platform),
    };
  }
  if (scheme === 'target' || value === '-' || value === '') throw badContext(name, value);
  const opened = await openContext({ text: value, path: absolute(value), stdin: nothing() }, tools);
  if (opened.kind === 'files') return { kind: 'files', name, context: opened.context };
  if (opened.kind === 'dockerfile') throw badContext(name, value);
  const { path } = opened;
  const ignore = await readIgnoreFile(path, { dockerfile: undefined, explicit: undefined });
  return { kind: 'files', name, context: folderContext({ path, shown: value, ignore }, tools) };
}

function badContext(name: string, value: string): TsbuildError {
  return new TsbuildError(
    'usage',
    `the build context ${JSON.stringify(name)} cannot be ${JSON.stringify(value.replace(/\/\/[^/]*@/, '//'))}`,
    { hint: 'give a folder, a tar, a URL, docker-image://REFERENCE or oci-layout://PATH:TAG' },
  );
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
