import type { SourceRange } from '../../util/source.js';
import type { Digest } from '../../oci/digest.js';
import type { Platform } from '../../oci/platform.js';
import type { CdiRegistry } from '../../executor/cdi/registry.js';
import type { Descriptor, ImageConfig } from '../../oci/types.js';
import type { Dockerfile, Diagnostic, Stage } from '../../parser/types.js';
import type { ExecOp, ImageOp } from '../ops.js';
import type { Vertex } from '../vertex.js';
import type { StageState } from './stage-state.js';

/** A base image whose name was resolved: its config and where its layers are. */
export interface ResolvedImage {
  /** Full name with tag or digest, as shown to people. */
  readonly name: string;
  readonly configDigest: Digest;
  readonly config: ImageConfig;
  readonly layers: ImageOp['layers'];
  /** Manifest that the config came with, when there is one. */
  readonly manifest?: Descriptor | undefined;
  /** Of that manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Stands for an image that nobody looked at: its config says nothing. */
  readonly unresolved?: true;
}

export interface LowerRequest {
  readonly dockerfile: Dockerfile;
  /** What tells this Dockerfile from others in the cache's memory of steps: a path. */
  readonly identity: string;
  /** Stage name or number; the last stage without it. */
  readonly target?: string | undefined;
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  /** Whether names of steps tell platforms, because several are built at once. */
  readonly namePlatforms?: boolean | undefined;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** Variables that every stage begins with. */
  readonly env?: ReadonlyMap<string, string> | undefined;
  /** False: what FROM names gives no labels. */
  readonly inheritLabels?: boolean | undefined;
  /** Steps that do not ask the cache, by the name of their stage and their place. */
  readonly ignoreCache: (stage: string, range: SourceRange) => boolean;
  readonly resolveImage: (name: string, platform: Platform) => Promise<ResolvedImage>;
  /** What a name of `--build-context` stands for: it comes before stages and images of that name. */
  readonly namedContext?:
    ((name: string, platform: Platform) => Promise<NamedSource | undefined>) | undefined;
  /** Network of the steps that name none; `default` without it. */
  readonly network?: ExecOp['network'] | undefined;
  /** What the Dockerfile may ask for; nothing without it. */
  readonly entitlements?: ReadonlySet<Entitlement> | undefined;
  /** Which devices steps may have; without it those whose specs allow it. */
  readonly allowedDevices?: AllowedDevices | undefined;
  /** The devices of the machine; none without it. */
  readonly devices?: (() => Promise<CdiRegistry>) | undefined;
}

/** `--allow device`. */
export interface AllowedDevices {
  readonly all: boolean;
  /** What names of devices in the Dockerfile stand for: themselves, or for an alias the device. */
  readonly names: ReadonlyMap<string, string>;
}

/** What `--build-context` puts in the place of a name: files, which are a context of that full name, or an image. */
export type NamedSource =
  | { readonly kind: 'files'; readonly name: string }
  | { readonly kind: 'image'; readonly image: ResolvedImage };

/** A right that RUN has only when the caller grants it. */
export type Entitlement = 'network.host' | 'security.insecure';

/** The graph of one target on one platform, and what its image is besides layers. */
export interface Lowered {
  readonly state: StageState;
  readonly vertex: Vertex;
  readonly warnings: readonly Diagnostic[];
  /** Values of the global ARGs, for SOURCE_DATE_EPOCH. */
  readonly globals: ReadonlyMap<string, string>;
}

/** What lowering one stage needs to know of the whole. */
export interface StageContext {
  readonly request: LowerRequest;
  readonly globals: ReadonlyMap<string, string>;
  readonly stage: Stage;
  /** Of its steps. Throws `usage` for a FROM whose platform is none. */
  readonly platform: () => Platform;
  /** `build 3/5`: for names of steps. */
  readonly label: (step: number) => string;
  /** Lowers another stage, or resolves an image, for COPY --from and RUN --mount. */
  readonly source: (from: string, stage: Stage) => Promise<{ readonly vertex: Vertex }>;
  readonly warn: (warning: Diagnostic) => void;
}

/** Name of a stage for people: its own, or `stage-N`. */
export function stageName(stage: Stage): string {
  return stage.from.as ?? `stage-${stage.index}`;
}
