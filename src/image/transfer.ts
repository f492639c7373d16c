import type { Job, StepId } from '../progress/event.js';
import type { LayoutBlob } from './image-layout.js';

export interface Reporting {
  readonly job: Job;
  readonly step: StepId | undefined;
}

/** The bytes of a blob, with an event for each chunk that was taken. Ends with the signal's reason after an abort. */
export async function* reported(blob: LayoutBlob, { job, step }: Reporting): AsyncIterable<Uint8Array> {
  let done = 0;
  for await (const chunk of blob.open()) {
    job.signal.throwIfAborted();
    yield chunk;
    done += chunk.length;
    if (step !== undefined) job.emit({ kind: 'transfer', step, item: blob.digest, done, total: blob.size });
  }
}
