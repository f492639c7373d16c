import { digestOf, type Digest } from '../oci/digest.js';
import type { Reference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job, StepId } from '../progress/event.js';
import { Authorizer } from './authorizer.js';
import { beginUpload } from './begin-upload.js';
import { Connections } from './connections.js';
import { downloadBlob } from './download.js';
import { Endpoints } from './endpoint.js';
import type { Exchanger } from './exchange.js';
import { fetchManifest, lacksContent, putManifest, resolveManifest } from './manifests.js';
import { KnownContents } from './known-contents.js';
import { listReferrers } from './referrers.js';
import { Attempts, withRetries } from './retry.js';
import { withRules } from './rules.js';
import { Sender } from './sender.js';
import { signIn } from './sign-in.js';
import { SpareSessions } from './spare-sessions.js';
import { listTags } from './tags.js';
import { repositoryName } from './repository-name.js';
import type {
  BegunUpload,
  PushableBlob,
  PushOutcome,
  RegistryClient,
  RegistryOptions,
  Repository,
  ResolvedManifest,
  RetryOptions,
  TimeoutOptions,
} from './types.js';
import { uploadBlob } from './upload.js';
import { blobExists, cancelUpload, startUpload, type UploadContext } from './upload-session.js';

const defaultRetries: RetryOptions = { attempts: 5, delay: 500 };
const defaultTimeouts: TimeoutOptions = {
  connect: 30_000,
  idle: 60_000,
  commit: 300_000,
  rateWindow: 60_000,
  minimumRate: 1024,
};
const defaultChunk = 32 * 1024 * 1024;

/** Makes a client. Nothing is read or connected before it is used. */
export function createRegistryClient(options: RegistryOptions): RegistryClient {
  const client = new Client(options);
  return options.rules === undefined || options.rules.length === 0
    ? client
    : withRules(client, options.rules);
}

class Client implements RegistryClient {
  readonly #connections: Connections;
  readonly #sender: Sender;
  readonly #retries: RetryOptions;
  readonly #chunkSize: number;
  /** Pushes under way, by registry, repository and digest. */
  readonly #pushes = new Map<string, Promise<PushOutcome>>();
  readonly #contents = new KnownContents();
  readonly #spares = new SpareSessions();

  constructor(options: RegistryOptions) {
    const timeouts = { ...defaultTimeouts, ...options.timeouts };
    const { certificates, proxy, credentials } = options;
    this.#connections = new Connections({ certificates, proxy, connectTimeout: timeouts.connect });
    const exchanger: Exchanger = { connections: this.#connections, timeouts };
    this.#retries = options.retries ?? defaultRetries;
    this.#chunkSize = options.chunkSize ?? defaultChunk;
    this.#sender = new Sender({
      exchanger,
      credentials,
      endpoints: new Endpoints(exchanger, options.insecureRegistries ?? []),
      authorizer: new Authorizer(credentials),
      userAgent: options.userAgent ?? 'tsbuild',
    });
  }

  resolve(reference: Reference, job: Job, patience?: number): Promise<ResolvedManifest | undefined> {
    const attempts = Math.min(patience ?? Infinity, this.#retries.attempts);
    return withRetries(new Attempts({ ...this.#retries, attempts }, job), () =>
      resolveManifest(this.#sender, reference, job),
    );
  }

  manifest(reference: Reference, job: Job): Promise<{ descriptor: Descriptor; bytes: Buffer }> {
    return this.#retried(job, () => fetchManifest(this.#sender, reference, { job }));
  }

  openBlob(where: Repository, descriptor: Descriptor, job: Job, offset = 0): AsyncIterable<Uint8Array> {
    return downloadBlob(this.#sender, { where, descriptor, offset, job, retries: this.#retries });
  }

  blobExists(where: Repository, digest: Digest, job: Job = silent): Promise<boolean> {
    const what = `cannot look for the blob ${digest} in ${repositoryName(where)}`;
    return this.#retried(job, () =>
      blobExists({ sender: this.#sender, where, digest, size: -1, job, what, actions: ['pull'] }),
    );
  }

  pushBlob(where: Repository, blob: PushableBlob, job: Job, step: StepId): Promise<PushOutcome> {
    const { digest, size } = blob.descriptor;
    const key = `${repositoryName(where)}@${digest}`;
    const running = this.#pushes.get(key);
    if (running !== undefined) return running;
    const context = this.#context(where, {
      digest,
      size,
      job,
      what: `cannot push the blob ${digest} to ${repositoryName(where)}`,
    });
    const isKnown = () => this.#contents.has(where, blob.descriptor);
    const options = { retries: this.#retries, chunkSize: this.#chunkSize, step, isKnown };
    const push = uploadBlob(context, blob, options).finally(() => this.#pushes.delete(key));
    this.#pushes.set(key, push);
    return push;
  }

  beginUpload(
    where: Repository,
    read: (offset?: number) => AsyncIterable<Uint8Array>,
    job: Job,
    as: { readonly step: StepId; readonly item: string },
  ): BegunUpload {
    const context = (given: Job): UploadContext =>
      this.#context(where, {
        digest: digestOf(''),
        size: 0,
        job: given,
        what: `cannot push ${as.item} to ${repositoryName(where)} while it is compressed`,
      });
    return beginUpload(context, read, job, as);
  }

  putManifest(
    where: Repository,
    reference: string,
    mediaType: string,
    bytes: Uint8Array,
    job: Job,
  ): Promise<Digest> {
    const put = () => putManifest(this.#sender, where, { reference, mediaType, bytes }, job);
    return this.#retried(job, put).catch((error: unknown) => {
      if (lacksContent(error)) this.#contents.forget(where);
      throw error;
    });
  }

  async checkPush(where: Repository, job: Job): Promise<void> {
    const session = await this.#retried(job, () => startUpload(this.#checking(where, job)));
    if (session !== 'mounted') this.#spares.put(where, session);
  }

  async endCheck(where: Repository, job: Job): Promise<void> {
    const session = this.#spares.drop(where);
    if (session !== undefined) await cancelUpload(this.#checking(where, job), session).catch(() => undefined);
  }

  learnContents(reference: Reference, job: Job): void {
    const options = { job, actions: pushActions };
    this.#contents.learn(reference, () => fetchManifest(this.#sender, reference, options));
  }

  listTags(where: Repository, job: Job): Promise<string[]> {
    return listTags(this.#sender, where, { job, retries: this.#retries });
  }

  referrers(where: Repository, digest: Digest, job: Job): Promise<readonly Descriptor[]> {
    return listReferrers(this.#sender, where, { digest, job, retries: this.#retries });
  }

  signIn(registry: string, job: Job): Promise<void> {
    return this.#retried(job, () => signIn(this.#sender, registry, job));
  }

  close(): void {
    this.#connections.close();
  }

  #retried<T>(job: Job, operation: () => Promise<T>): Promise<T> {
    return withRetries(new Attempts(this.#retries, job), operation);
  }

  #context(where: Repository, rest: Omit<UploadContext, 'sender' | 'where' | 'actions'>): UploadContext {
    const spare = () => this.#spares.take(where);
    return { sender: this.#sender, where, actions: pushActions, spare, ...rest };
  }

  #checking(where: Repository, job: Job): UploadContext {
    const what = `cannot push to ${repositoryName(where)}`;
    return this.#context(where, { digest: digestOf(''), size: 0, job, what });
  }
}

/** Rights for all requests of a push: one token does. */
const pushActions = ['pull', 'push'];

/** For questions that belong to no job. */
const silent: Job = { signal: new AbortController().signal, emit: () => undefined };
