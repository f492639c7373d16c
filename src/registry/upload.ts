/** Sends a blob: not at all if it is there, by mounting, whole, or in chunks when connections do not hold. */
import type { StepId } from '../progress/event.js';
import { cancelled, RegistryFailure } from './failure.js';
import { Attempts, withRetries } from './retry.js';
import type { PushableBlob, PushOutcome, RetryOptions, SentAhead } from './types.js';
import {
  blobExists,
  patchUpload,
  putUpload,
  startUpload,
  uploadStatus,
  type Part,
  type Session,
  type UploadContext,
} from './upload-session.js';

const maximumMounts = 4;
const smallestChunk = 512 * 1024;

export interface UploadOptions {
  readonly retries: RetryOptions;
  readonly chunkSize: number;
  readonly step: StepId;
  /** Whether the repository is known to have the blob. */
  readonly isKnown: () => Promise<boolean>;
}

/** Up to so many bytes (256 KiB) are sent in one request when the blob is whole. */
export const smallBlob = 256 * 1024;

/** See RegistryClient.pushBlob. */
export async function uploadBlob(
  context: UploadContext,
  blob: PushableBlob,
  options: UploadOptions,
): Promise<PushOutcome> {
  const { job, digest, size } = context;
  const attempts = new Attempts(options.retries, job, options.step);
  const note = (outcome: 'exists' | 'mounted'): PushOutcome => {
    job.emit({ kind: 'transfer', step: options.step, item: digest, done: 0, total: size, note: outcome });
    return outcome;
  };
  if (await isThere(context, blob, { ...options, attempts })) {
    blob.begun?.abandon();
    return note('exists');
  }
  const upload = new Upload(context, blob, { ...options, attempts });
  const ahead = await sentAhead(context, blob);
  if (ahead === undefined) {
    const begun = await mount(context, blob, attempts);
    if (begun === 'mounted') return note('mounted');
    await upload.run(begun);
  } else {
    await upload.run(ahead.session, ahead.position);
    if (ahead.position === size)
      job.emit({ kind: 'transfer', step: options.step, item: digest, done: size, total: size });
  }
  return 'uploaded';
}

/** A small blob that was made in this build is not asked for: it is sent as soon as the answer would come. */
async function isThere(
  context: UploadContext,
  { isNew, begun }: PushableBlob,
  { isKnown, attempts }: UploadOptions & { readonly attempts: Attempts },
): Promise<boolean> {
  if (await isKnown()) return true;
  if (isNew === true || (begun !== undefined && context.size <= smallBlob)) return false;
  return withRetries(attempts, () => blobExists(context));
}

async function sentAhead({ where }: UploadContext, { begun }: PushableBlob): Promise<SentAhead | undefined> {
  const { registry, repository } = begun?.repository ?? {};
  return where.registry === registry && where.repository === repository ? begun?.sent : undefined;
}

/** Tries to mount; a declined mount has opened an upload, which is used. What goes wrong here is no reason to fail. */
async function mount(
  context: UploadContext,
  blob: PushableBlob,
  attempts: Attempts,
): Promise<Session | 'mounted' | undefined> {
  const sources = [...new Set(blob.mountFrom ?? [])].filter((name) => name !== context.where.repository);
  let session: Session | undefined;
  for (const source of sources.slice(0, maximumMounts)) {
    try {
      const result = await withRetries(attempts, () => startUpload(context, source));
      if (result !== 'mounted') session = result;
      else if (await blobExists(context)) return 'mounted';
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
    }
  }
  return session;
}

/** The state of one upload: how far it is, and which ways of sending have proved not to work. */
class Upload {
  #session: Session | undefined;
  #position = 0;
  #furthest = 0;
  #chunked = false;
  #canPatch = true;
  #chunkSize: number;
  #attempts: Attempts;

  constructor(
    private readonly context: UploadContext,
    private readonly blob: PushableBlob,
    private readonly options: UploadOptions & { attempts: Attempts },
  ) {
    this.#chunkSize = options.chunkSize;
    this.#attempts = options.attempts;
  }

  /** `begun` is a session that has the first `position` bytes. */
  async run(begun: Session | undefined, position = 0): Promise<void> {
    this.#session = begun;
    this.#advance(position);
    for (;;) {
      try {
        this.#session ??= await this.#start();
        await this.#send(this.#session);
        return;
      } catch (error) {
        if (await this.#recover(error)) return;
      }
    }
  }

  async #start(): Promise<Session> {
    this.#position = 0;
    const session = await startUpload(this.context);
    if (session === 'mounted')
      throw new RegistryFailure('registry', `${this.context.what}: the registry did not open an upload`);
    return session;
  }

  async #send(session: Session): Promise<void> {
    const { size } = this.context;
    if (!this.#chunked && this.#position === 0) return putUpload(this.context, session, this.#part(0, size));
    let current = session;
    while (this.#position < size) {
      const length = Math.min(Math.max(this.#chunkSize, session.minimumChunk), size - this.#position);
      const result = await patchUpload(this.context, current, this.#part(this.#position, length));
      if (result.position <= this.#position) throw this.#failure('the registry took none of a chunk', true);
      this.#advance(result.position);
      this.#session = current = result.session;
    }
    if (this.#position > size) throw this.#failure('the registry has more bytes than were sent', true);
    return putUpload(this.context, current, this.#part(size, 0));
  }

  /** Attempts count anew only for bytes that never arrived before: a registry that forgets must not keep us forever. */
  #advance(position: number): void {
    if (position > this.#furthest) this.#attempts.progressed();
    this.#furthest = Math.max(this.#furthest, position);
    this.#position = position;
  }

  #part(start: number, length: number): Part {
    const { job, digest, size } = this.context;
    const { step } = this.options;
    let told = start;
    return {
      start,
      body: { size: length, open: () => section(this.blob, start, length) },
      onSent: (bytes) => {
        const done = start + bytes;
        if (done - told < 256 * 1024 && done !== size) return;
        told = done;
        job.emit({ kind: 'transfer', step, item: digest, done, total: size });
      },
    };
  }

  /** Decides how to go on after a failure, or throws it. True: the blob has arrived nevertheless. */
  async #recover(error: unknown): Promise<boolean> {
    if (!(error instanceof RegistryFailure)) throw error;
    const session = this.#session;
    if (this.#otherWay(error)) return false;
    await this.#attempts.again(isLostSession(error) || error.status === 416 ? restartable(error) : error);
    if (session === undefined) return false;
    // the answer to the last request may be all that was lost
    if (await this.#quietly(() => blobExists(this.context))) return true;
    const status = isLostSession(error)
      ? undefined
      : await this.#quietly(() => uploadStatus(this.context, session));
    const resumable = status !== undefined && this.#canPatch && status.position <= this.context.size;
    this.#session = resumable ? status.session : undefined;
    this.#advance(resumable ? status.position : 0);
    this.#chunked = this.#canPatch && this.context.size > this.#chunkSize;
    return false;
  }

  /** Whether another way of sending may help where the registry refused this one. */
  #otherWay({ status, codes }: RegistryFailure): boolean {
    const current = this.#chunked ? this.#chunkSize : this.context.size;
    const smaller = Math.max(Math.ceil(current / 4), Math.min(smallestChunk, this.options.chunkSize));
    if (this.#chunked && (status === 405 || status === 501 || codes.includes('UNSUPPORTED'))) {
      [this.#canPatch, this.#chunked] = [false, false]; // the registry has no PATCH
    } else if (status === 413 && this.#canPatch && smaller < current) {
      this.#chunkSize = this.#chunked ? smaller : Math.min(smaller, this.#chunkSize);
      this.#chunked = true;
    } else {
      return false;
    }
    this.#session = undefined;
    return true;
  }

  /** A question whose failure only means that there is no answer. */
  async #quietly<T>(question: () => Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      if (this.context.job.signal.aborted) throw cancelled(error);
      return undefined;
    }
  }

  #failure(problem: string, transient: boolean): RegistryFailure {
    return new RegistryFailure('registry', `${this.context.what}: ${problem}`, { transient });
  }
}

const sessionCodes = ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID', 'SIZE_INVALID', 'RANGE_INVALID'];

/** Answers that mean that an upload cannot go on, but a new one can. */
function isLostSession(error: RegistryFailure): boolean {
  const { status, codes } = error;
  if (status === 404 || status === 410) return !codes.includes('NAME_UNKNOWN');
  return status === 400 && (codes.length === 0 || codes.some((code) => sessionCodes.includes(code)));
}

function restartable(error: RegistryFailure): RegistryFailure {
  const { code, message, hint, cause, status, codes, retryAfter } = error;
  return new RegistryFailure(code, message, { hint, cause, status, codes, retryAfter, transient: true });
}

/** `length` bytes of a blob from `start`. */
async function* section(blob: PushableBlob, start: number, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  if (left === 0) return;
  for await (const chunk of blob.open(start)) {
    yield chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= chunk.length;
    if (left <= 0) return;
  }
}
