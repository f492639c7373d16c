/** Sends a blob while it is being made: nothing waits for its digest but the end of the upload. */
import type { Job, StepId } from '../progress/event.js';
import { isTransient } from './failure.js';
import type { BegunUpload, SentAhead } from './types.js';
import { smallBlob } from './upload.js';
import {
  cancelUpload,
  patchUpload,
  startUpload,
  uploadStatus,
  type UploadContext,
} from './upload-session.js';

/** Progress is told after so many bytes. */
const tellEvery = 256 * 1024;

/** See RegistryClient.beginUpload. `contextOf` makes the context of its requests for a job. */
export function beginUpload(
  contextOf: (job: Job) => UploadContext,
  read: () => AsyncIterable<Uint8Array>,
  job: Job,
  { step, item }: { readonly step: StepId; readonly item: string },
): BegunUpload {
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const context = contextOf({ signal, emit: (event) => job.emit(event) });
  let told = 0;
  const onSent = (bytes: number): void => {
    if (bytes - told < tellEvery) return;
    told = bytes;
    job.emit({ kind: 'transfer', step, item, done: bytes });
  };
  // What is refused for good is refused again where it counts.
  const sent = sendAhead({ ...context, step }, read, onSent).catch(() => undefined);
  const abandon = (): void => {
    stop.abort();
    void sent.then((ahead) => ahead && cancelUpload(contextOf(job), ahead.session).catch(() => undefined));
  };
  return { repository: context.where, sent, abandon };
}

async function sendAhead(
  context: UploadContext & { readonly step: StepId },
  read: () => AsyncIterable<Uint8Array>,
  onSent: (bytes: number) => void,
): Promise<SentAhead | undefined> {
  const session = await startUpload(context);
  if (session === 'mounted') return undefined;
  try {
    // What is whole by now is better sent with its digest.
    const rest = await unlessSmall(read);
    if (rest === undefined) return { session, position: 0 };
    // One request, as docker and buildah send: some registries take a second PATCH of certain sizes only.
    return await patchUpload(context, session, { start: 0, body: { size: undefined, open: rest }, onSent });
  } catch (error) {
    const { job, step } = context;
    if (!isTransient(error) || job.signal.aborted) throw error;
    job.emit({ kind: 'warning', step, message: `${error.message}; sending the rest afterwards` });
    const status = await uploadStatus(context, session);
    return status !== undefined && status.position > 0 ? status : undefined;
  }
}

/** Waits until the bytes are more than those of a small blob, which they are given with, or have ended: undefined. */
async function unlessSmall(
  read: () => AsyncIterable<Uint8Array>,
): Promise<(() => AsyncIterable<Uint8Array>) | undefined> {
  const iterator = read()[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let size = 0; size <= smallBlob;) {
    const item: IteratorResult<Uint8Array, unknown> = await iterator.next();
    if (item.done === true) return undefined;
    first.push(item.value);
    size += item.value.length;
  }
  let isOpened = false;
  async function* continued(): AsyncGenerator<Uint8Array> {
    try {
      yield* first;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  }
  // After a redirect the body is opened again.
  return () => {
    if (isOpened) return read();
    isOpened = true;
    return continued();
  };
}
