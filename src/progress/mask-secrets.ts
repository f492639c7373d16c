import type { BuildEvent, Finished, Output } from './event.js';

/** Shorter values are not masked: they would be found everywhere. Bytes. */
const minimumLength = 4;
const mask = Buffer.from('***');

/**
 * Replaces known secret values by `***` in what steps print, also where a value is split across chunks: what may be
 * the beginning of one is held back until the stream goes on or the step ends. `secrets` is asked at each event, since
 * secrets are read when they are needed; line ends at the end of a value do not count.
 */
export function maskSecrets(
  secrets: () => readonly Uint8Array[],
  emit: (event: BuildEvent) => void,
): (event: BuildEvent) => void {
  const held = new Map<string, { readonly event: Output; readonly bytes: Buffer }>();
  const onOutput = (event: Output): void => {
    const key = `${event.stream} ${event.step}`;
    const data = Buffer.concat([held.get(key)?.bytes ?? Buffer.alloc(0), event.chunk]);
    const { clean, rest } = maskBytes(data, values(secrets()), false);
    held.set(key, { event, bytes: rest });
    if (clean.length > 0) emit({ ...event, chunk: clean });
  };
  const onFinished = (event: Finished): void => {
    for (const [key, last] of held) {
      if (last.event.step !== event.step) continue;
      held.delete(key);
      const { clean } = maskBytes(last.bytes, values(secrets()), true);
      if (clean.length > 0) emit({ ...last.event, chunk: clean });
    }
    emit(event.error === undefined ? event : { ...event, error: maskText(event.error, values(secrets())) });
  };
  return (event) => {
    if (event.kind === 'output') onOutput(event);
    else if (event.kind === 'finished') onFinished(event);
    else emit(event);
  };
}

/** Longest first, so that a value that contains another is masked whole. */
function values(secrets: readonly Uint8Array[]): Buffer[] {
  return secrets
    .map((secret) => withoutLineEnd(Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength)))
    .filter((value) => value.length >= minimumLength)
    .sort((a, b) => b.length - a.length);
}

function withoutLineEnd(value: Buffer): Buffer {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0x0a || value[end - 1] === 0x0d)) end -= 1;
  return value.subarray(0, end);
}

function maskText(text: string, secrets: readonly Buffer[]): string {
  return maskBytes(Buffer.from(text), secrets, true).clean.toString();
}

/** `rest` is the end of `data` that may be the beginning of a secret; empty when nothing more will come. */
function maskBytes(data: Buffer, secrets: readonly Buffer[], last: boolean): { clean: Buffer; rest: Buffer } {
  const parts: Buffer[] = [];
  let start = 0;
  let end = last ? data.length : pending(data, secrets, start);
  for (let found = next(data, secrets, start); found !== undefined; found = next(data, secrets, start)) {
    // a longer value that began before, or here, may still turn out to be the one
    if (found.at >= end) break;
    parts.push(data.subarray(start, found.at), mask);
    start = found.at + found.length;
    end = last ? data.length : pending(data, secrets, start);
  }
  parts.push(data.subarray(start, end));
  return { clean: Buffer.concat(parts), rest: data.subarray(end) };
}

/** Where, from `start` on, the end of `data` may be the beginning of a secret. */
function pending(data: Buffer, secrets: readonly Buffer[], start: number): number {
  return data.length - Math.max(0, ...secrets.map((secret) => overlap(data.subarray(start), secret)));
}

/** The first secret from `start` on; of several at one place the longest. */
function next(
  data: Buffer,
  secrets: readonly Buffer[],
  start: number,
): { at: number; length: number } | undefined {
  let first: { at: number; length: number } | undefined;
  for (const secret of secrets) {
    const at = data.indexOf(secret, start);
    if (at !== -1 && (first === undefined || at < first.at)) first = { at, length: secret.length };
  }
  return first;
}

/** How many of the last bytes of `data` are the first ones of `secret`, at most all but one of it. */
function overlap(data: Buffer, secret: Buffer): number {
  for (let length = Math.min(data.length, secret.length - 1); length > 0; length -= 1) {
    if (data.subarray(data.length - length).equals(secret.subarray(0, length))) return length;
  }
  return 0;
}
