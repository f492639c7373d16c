/** An OCI layout as a tree of what its documents say, without digests, sizes and times: for comparisons. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Outline {
  readonly mediaType: string;
  readonly platform: unknown;
  /** Of the descriptor. */
  readonly descriptor: Readonly<Record<string, string>>;
  /** Of the document. */
  readonly annotations: Readonly<Record<string, string>>;
  /** `os/architecture` of the config. */
  readonly config?: string;
  readonly layers?: readonly string[];
  readonly manifests?: readonly Outline[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly platform?: unknown;
  readonly annotations?: Record<string, string>;
}

interface Document {
  readonly annotations?: Record<string, string>;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/** What `index.json` of a layout's folder leads to. Names and times of the layout are left out. */
export function layoutOutline(folder: string): readonly Outline[] {
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Document;
  const blob = (digest: string): string =>
    readFileSync(join(folder, 'blobs', digest.replace(':', '/')), 'utf8');
  return (index.manifests ?? []).map((descriptor) => outlineOf(descriptor, blob));
}

/** The same for a document and what it leads to, wherever they are. */
export function outlineOf(descriptor: Descriptor, blob: (digest: string) => string): Outline {
  const document = JSON.parse(blob(descriptor.digest)) as Document;
  const { config, layers, manifests } = document;
  return {
    mediaType: descriptor.mediaType,
    platform: descriptor.platform,
    descriptor: withoutNames(descriptor.annotations),
    annotations: { ...document.annotations },
    ...(config === undefined ? {} : { config: platformIn(blob(config.digest)) }),
    ...(layers === undefined ? {} : { layers: layers.map(({ mediaType }) => mediaType) }),
    ...(manifests === undefined ? {} : { manifests: manifests.map((member) => outlineOf(member, blob)) }),
  };
}

const own = /^(io\.containerd\.image\.name|org\.opencontainers\.image\.(ref\.name|created))$/;

function withoutNames(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !own.test(key)));
}

function platformIn(config: string): string {
  const { os, architecture, variant } = JSON.parse(config) as Record<string, string>;
  return [os, architecture, variant].filter(Boolean).join('/');
}
