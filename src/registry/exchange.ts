/** One request and its answer: no redirects, no sign-in, no retries. */
import { setMaxListeners } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { cancelled } from './failure.js';
import type { Connections, Trust } from './connections.js';
import { Pace, withDeadline } from './pace.js';
import type { TimeoutOptions } from './types.js';
import { errnoCode } from '../util/errors.js';

/** A body that can be sent again. */
export interface RequestBody {
  /** Undefined: known when the body has ended. It is sent in HTTP's own chunks. */
  readonly size: number | undefined;
  open(): AsyncIterable<Uint8Array>;
}

/** A body that is in memory. */
export function bytesBody(bytes: Uint8Array): RequestBody {
  return {
    size: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  /** Milliseconds to wait for the head of the answer; the idle timeout when undefined. */
  readonly patience?: number | undefined;
  /** Told how many bytes of the body were handed over so far. */
  readonly onSent?: ((bytes: number) => void) | undefined;
}

export interface Response {
  readonly status: number;
  /** Names in lower case; repeated headers are joined with commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage;
  readonly url: URL;
}

export interface Exchanger {
  readonly connections: Connections;
  readonly timeouts: TimeoutOptions;
}

interface Terms {
  readonly trust: Trust;
  readonly signal: AbortSignal;
}

/**
 * Sends a request and resolves with the head of the answer. An answer that comes before the body was sent whole ends
 * the sending: registries refuse early. Throws Node's errors, Stalled and AbortError.
 */
export async function exchange(exchanger: Exchanger, request: Request, terms: Terms): Promise<Response> {
  try {
    return await attempt(exchanger, request, terms);
  } catch (error) {
    // a kept connection that the server has closed meanwhile says nothing about the request
    if (request.body === undefined && error instanceof StaleConnection)
      return attempt(exchanger, request, terms);
    throw error instanceof StaleConnection ? error.cause : error;
  }
}

class StaleConnection extends Error {}

async function attempt(exchanger: Exchanger, request: Request, { trust, signal }: Terms): Promise<Response> {
  const { connections, timeouts } = exchanger;
  if (signal.aborted) throw cancelled(signal.reason);
  setMaxListeners(0, signal); // one job has many requests under way
  const { body } = request;
  const headers = {
    'Accept-Encoding': 'identity',
    ...request.headers,
    ...(body?.size === undefined ? {} : { 'Content-Length': String(body.size) }),
  };
  const sending = await connections.request(request.url, trust, { method: request.method, headers, signal });
  const answered = answerOf(sending);
  answered.catch(() => undefined); // awaited below, possibly after the body failed first
  limitConnecting(sending, timeouts.connect);
  try {
    if (body === undefined) sending.end();
    else await sendBody(sending, { ...request, body }, { pace: new Pace(timeouts), answered });
    const message = await withDeadline(answered, request.patience ?? timeouts.idle);
    if (!sending.writableEnded) message.once('close', () => sending.destroy());
    return { status: message.statusCode ?? 0, headers: headersOf(message), body: message, url: request.url };
  } catch (error) {
    sending.destroy();
    const stale = sending.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(errnoCode(error) ?? '');
    throw stale ? new StaleConnection('stale connection', { cause: error }) : error;
  }
}

function answerOf(sending: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sending.once('response', resolve);
    sending.on('error', reject); // stays: errors after the answer are those of its body
  });
}

function limitConnecting(sending: ClientRequest, milliseconds: number): void {
  sending.once('socket', (socket) => {
    if (!socket.connecting) return;
    const late = Object.assign(new Error(`no connection after ${milliseconds / 1000} s`), {
      code: 'ETIMEDOUT',
    });
    const timer = setTimeout(() => sending.destroy(late), milliseconds);
    for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
  });
}

interface Sending {
  readonly pace: Pace;
  readonly answered: Promise<IncomingMessage>;
}

async function sendBody(
  sending: ClientRequest,
  request: Request & { body: RequestBody },
  { pace, answered }: Sending,
): Promise<void> {
  let early = false;
  const stop = (): void => void (early = true);
  answered.then(stop, stop);
  const announced = request.body.size ?? Infinity;
  let sent = 0;
  for await (const chunk of source(request.body)) {
    if (early) break;
    sent += chunk.length;
    if (sent > announced)
      throw new SourceError(new Error(`the body is longer than the ${announced} bytes announced`));
    const drained =
      sending.write(chunk) || (await pace.wait(Promise.race([drain(sending), answered.then(() => true)])));
    if (!drained) break;
    pace.moved(chunk.length);
    request.onSent?.(sent);
  }
  if (early) await answered;
  else if (request.body.size !== undefined && sent < announced)
    throw new SourceError(new Error(`the body has ${sent} bytes, not the ${announced} announced`));
  else sending.end();
}

/** What went wrong with our own body, so that it is not taken for an error of the network. */
export class SourceError extends Error {
  constructor(override readonly cause: unknown) {
    super('the body cannot be read', { cause });
  }
}

async function* source(body: RequestBody): AsyncGenerator<Uint8Array> {
  const iterator = body.open()[Symbol.asyncIterator]();
  try {
    for (;;) {
      const item: IteratorResult<Uint8Array, unknown> = await iterator.next().catch((error: unknown) => {
        throw new SourceError(error);
      });
      if (item.done === true) return;
      yield item.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function drain(sending: ClientRequest): Promise<boolean> {
  return new Promise((resolve) => sending.once('drain', () => resolve(true)));
}

function headersOf(message: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}

/** The bytes of an answer's body, watched for stalls; the connection is given up when the reader stops early. */
export async function* bodyOf(response: Response, timeouts: TimeoutOptions): AsyncGenerator<Uint8Array> {
  const pace = new Pace(timeouts);
  const iterator = response.body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const item: IteratorResult<Uint8Array, unknown> = await pace.wait(iterator.next());
      if (item.done === true) return;
      pace.moved(item.value.length);
      yield item.value;
    }
  } finally {
    if (!response.body.readableEnded) response.body.destroy();
  }
}

/** The body whole, if it has at most `limit` bytes; undefined when it is longer. */
export async function readBody(
  response: Response,
  limit: number,
  timeouts: TimeoutOptions,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(response, timeouts)) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads away a short body so that the connection can be used again. */
export async function discardBody(response: Response, timeouts: TimeoutOptions): Promise<void> {
  await readBody(response, 64 * 1024, timeouts).catch(() => undefined);
}
