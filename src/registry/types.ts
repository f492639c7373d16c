/** What the rest of tsbuild knows of registries (distribution-spec 1.1). */
import type { Digest } from '../oci/digest.js';
import type { Reference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job, StepId } from '../progress/event.js';
import type { Session } from './upload-session.js';

/** A repository of a registry; `registry` is `host[:port]` as in a Reference. */
export interface Repository {
  readonly registry: string;
  readonly repository: string;
}

/** How to sign in: a password, an identity token to be exchanged, or a bearer token to be sent as it is. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity'; readonly token: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** Where credentials come from. Nothing of the environment is read behind it but what it was made of. */
export interface CredentialSource {
  /** Undefined: anonymous. Throws `auth` when a source is there but cannot be read. */
  find(where: Repository): Promise<Credentials | undefined>;
  /** Headers that docker's config.json wants on requests to registries (`HttpHeaders`). */
  headers(): Promise<Readonly<Record<string, string>>>;
}

export interface RetryOptions {
  /** Further attempts after the first one; they count anew when bytes moved. */
  readonly attempts: number;
  /** Milliseconds before the first further attempt; doubled each time, with jitter, at most 30 s. */
  readonly delay: number;
}

/** Milliseconds. */
export interface TimeoutOptions {
  readonly connect: number;
  /** Without a byte in either direction. */
  readonly idle: number;
  /** Until the answer to a request that ends an upload: registries hash and copy the blob first. */
  readonly commit: number;
  /** Window over which less than `minimumRate` bytes per second ends a transfer. */
  readonly rateWindow: number;
  readonly minimumRate: number;
}

/** A client certificate: PEM files. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Trust and identity; PEM files. */
export interface CertificateFiles {
  /** Authorities trusted besides the system's. */
  readonly authorities?: readonly string[] | undefined;
  /** What is shown to a registry that asks. */
  readonly client?: ClientCertificate | undefined;
}

/**
 * `authorities` and `client` are for every registry. All paths are absolute host paths; files that are named one by
 * one and `folder` must exist, the others are ignored when they do not.
 */
export interface CertificateOptions extends CertificateFiles {
  /** The same for single registries, by `host[:port]`; they come before those for all. */
  readonly hosts?: ReadonlyMap<string, CertificateFiles> | undefined;
  /** A folder with `*.crt`, and `*.cert` with `*.key`, for every registry. */
  readonly folder?: string | undefined;
  /** The system's bundle: value of SSL_CERT_FILE. The usual places are tried when undefined. */
  readonly systemBundle?: string | undefined;
  /** Value of NODE_EXTRA_CA_CERTS. */
  readonly extraBundle?: string | undefined;
  /** Folders with `<host[:port]>/{*.crt,*.cert,*.key}`; /etc/docker/certs.d and /etc/containers/certs.d when undefined. */
  readonly folders?: readonly string[] | undefined;
}

/** Proxy URLs (`http://[user:password@]host:port`) and NO_PROXY's list. */
export interface ProxyOptions {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly no?: string | undefined;
}

/** What holds for names below a prefix, as in containers-registries.conf(5). The longest prefix that fits is used. */
export interface RegistryRule {
  /** `host[:port][/path]`, or `*.domain` for all hosts below a domain. */
  readonly prefix: string;
  /** `host[:port][/path]` that takes the prefix's place when something is pulled; undefined: the prefix itself. */
  readonly location?: string | undefined;
  /** Nothing is pulled from there or pushed to it. */
  readonly blocked?: boolean | undefined;
  /** Asked before the location when something is pulled, in this order. */
  readonly mirrors?: readonly Mirror[] | undefined;
  /** Whether the location is left alone when the mirrors fail. */
  readonly mirrorsOnly?: boolean | undefined;
}

export interface Mirror {
  /** `host[:port][/path]` in place of the rule's prefix. */
  readonly location: string;
  /** Which manifests it is asked for (all). Blobs are always asked for by digest. */
  readonly serves?: 'all' | 'digests' | 'tags' | undefined;
}

export interface RegistryOptions {
  readonly credentials: CredentialSource;
  /** `host[:port]`s, `*.domain`s, addresses in CIDR form or `*`: certificates are not checked and plain http is tried. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** What holds for parts of registries. */
  readonly rules?: readonly RegistryRule[] | undefined;
  readonly retries?: RetryOptions | undefined;
  readonly timeouts?: Partial<TimeoutOptions> | undefined;
  readonly userAgent?: string | undefined;
  readonly certificates?: CertificateOptions | undefined;
  readonly proxy?: ProxyOptions | undefined;
  /** Bytes of one PATCH when a blob is sent in chunks. */
  readonly chunkSize?: number | undefined;
}

export interface ResolvedManifest {
  /** Media type, digest and size as the registry states them; `manifest` verifies. */
  readonly descriptor: Descriptor;
}

/** A blob that can be sent. `open` may be called again from another offset (bytes) after a failure. */
export interface PushableBlob {
  readonly descriptor: Descriptor;
  open(offset?: number): AsyncIterable<Uint8Array>;
  /** Repositories of the same registry that may hold the blob already. */
  readonly mountFrom?: readonly string[] | undefined;
  /** The blob is not asked for first: it is small, and will hardly be there. */
  readonly isNew?: boolean | undefined;
  /** An upload of the same bytes to the repository that it was begun for. */
  readonly begun?: BegunUpload | undefined;
}

/** An upload that was begun before the blob's digest was known. What became of it is nobody's concern but pushBlob's. */
export interface BegunUpload {
  readonly repository: Repository;
  /** How far it came; undefined when it came to nothing. Nothing of a small blob is sent. Never rejects. */
  readonly sent: Promise<SentAhead | undefined>;
  /** Ends it where it is. */
  abandon(): void;
}

/** Where an upload is to be gone on with, and the bytes that the registry has of it. */
export interface SentAhead {
  readonly session: Session;
  readonly position: number;
}

export type PushOutcome = 'exists' | 'mounted' | 'uploaded';

/**
 * One client serves any number of registries and concurrent calls. Every failure is a TsbuildError: `registry`,
 * `auth`, `image` (a manifest that is not what it should be) or `cancelled`.
 */
export interface RegistryClient {
  /**
   * What a tag or digest names now, without fetching it; undefined when the registry has no such manifest. `patience`
   * is the number of further attempts, where there is a way to go on without an answer.
   */
  resolve(reference: Reference, job: Job, patience?: number): Promise<ResolvedManifest | undefined>;
  /** Fetches a manifest or an index and compares it with the digest of the reference, if there is one. */
  manifest(reference: Reference, job: Job): Promise<{ descriptor: Descriptor; bytes: Buffer }>;
  /**
   * Streams a blob from `offset` (0). Resumes after a drop. Size is always compared at the end, the digest when
   * `offset` is 0; until the iteration ends normally nothing of it may be trusted.
   */
  openBlob(
    repository: Repository,
    descriptor: Descriptor,
    job: Job,
    offset?: number,
  ): AsyncIterable<Uint8Array>;
  blobExists(repository: Repository, digest: Digest, job?: Job): Promise<boolean>;
  /** Sends a blob unless it is there; concurrent calls for the same blob and repository share one transfer. */
  pushBlob(repository: Repository, blob: PushableBlob, job: Job, step: StepId): Promise<PushOutcome>;
  /**
   * Sends what will be a blob while it is being made: `read` gives its bytes as they come. `item` names it in progress.
   * What fails is left to pushBlob, which gets the result as `begun`.
   */
  beginUpload(
    repository: Repository,
    read: (offset?: number) => AsyncIterable<Uint8Array>,
    job: Job,
    as: { readonly step: StepId; readonly item: string },
  ): BegunUpload;
  /** `reference` is a tag or a digest. Returns the digest of `bytes`, which the registry has confirmed. */
  putManifest(
    repository: Repository,
    reference: string,
    mediaType: string,
    bytes: Uint8Array,
    job: Job,
  ): Promise<Digest>;
  /** Throws when the registry would refuse a push, by opening an upload: for the next blob, or for endCheck. */
  checkPush(repository: Repository, job: Job): Promise<void>;
  /** Abandons the upload of checkPush if no blob was sent in it. Never fails. */
  endCheck(repository: Repository, job: Job): Promise<void>;
  /**
   * Begins to read what the image of a tag consists of, which pushBlob then need not ask for. Nothing is learnt where
   * there is none, or no single one.
   */
  learnContents(reference: Reference, job: Job): void;
  listTags(repository: Repository, job: Job): Promise<string[]>;
  /** What refers to a manifest by `subject` (signatures, bills of materials); none when there is nothing. */
  referrers(repository: Repository, digest: Digest, job: Job): Promise<readonly Descriptor[]>;
  /** Signs in with the credentials that the source has for the registry. Throws when it refuses them. */
  signIn(registry: string, job: Job): Promise<void>;
  /** Closes idle connections. */
  close(): void;
}
