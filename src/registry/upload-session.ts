/** Requests of one blob upload (distribution-spec, "Pushing blobs"). */
import { isDigest, type Digest } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import { repositoryScope, type Scope } from './challenge.js';
import { discardBody, type RequestBody, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { referredUrl } from './referral.js';
import type { Call, Sender } from './sender.js';
import type { Repository } from './types.js';

/** What all requests of one upload share. */
export interface UploadContext {
  readonly sender: Sender;
  readonly where: Repository;
  readonly digest: Digest;
  readonly size: number;
  readonly job: Job;
  readonly what: string;
  /** Rights to ask for: the same in all requests, so that one token does. */
  readonly actions: readonly string[];
  /** Gives an upload that is open already, once. */
  readonly spare?: (() => Session | undefined) | undefined;
}

/** An upload that the registry has opened. A value: every answer gives the next one. */
export interface Session {
  readonly url: URL;
  /** Bytes that a chunk must have at least (`OCI-Chunk-Min-Length`). */
  readonly minimumChunk: number;
}

/** Whether the blob is there; one with another size (if `size` is not negative) does not count. */
export async function blobExists(context: UploadContext): Promise<boolean> {
  const { sender, where, digest, size, job, what } = context;
  const response = await sender.send(
    where,
    {
      method: 'HEAD',
      target: `blobs/${digest}`,
      scopes: [repositoryScope(where.repository, ...context.actions)],
      accept: [404, 405],
      what,
    },
    job,
  );
  await discardBody(response, sender.timeouts);
  const length = response.headers['content-length'];
  return response.status === 200 && (length === undefined || size < 0 || Number(length) === size);
}

/** Opens an upload, or takes a spare one; with `from`, asks to mount the blob from there instead, which the registry may decline. */
export async function startUpload(context: UploadContext, from?: string): Promise<Session | 'mounted'> {
  const { sender, where, digest } = context;
  const spare = from === undefined ? context.spare?.() : undefined;
  if (spare !== undefined) return spare;
  const query =
    from === undefined ? '' : `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const scopes = from === undefined ? [] : [repositoryScope(from, 'pull')];
  const response = await send(
    context,
    { method: 'POST', target: `blobs/uploads/${query}`, headers: { 'Content-Length': '0' } },
    scopes,
  );
  await discardBody(response, sender.timeouts);
  if (response.status === 201 && from !== undefined) return 'mounted';
  if (response.status !== 202) throw unexpected(context, response);
  const minimum = Number(response.headers['oci-chunk-min-length'] ?? 0);
  const referrals = await sender.referrals(where.registry, context.job);
  const url = referredUrl(referrals, response.headers['location'], response.url);
  return { url, minimumChunk: Number.isSafeInteger(minimum) && minimum > 0 ? minimum : 0 };
}

export interface Part {
  readonly start: number;
  readonly body: RequestBody;
  readonly onSent: (bytes: number) => void;
}

/**
 * Sends a chunk, or everything when its size is not known; returns the session to go on with and how many bytes the
 * registry has now.
 */
export async function patchUpload(
  context: UploadContext,
  session: Session,
  part: Part,
): Promise<{ session: Session; position: number }> {
  const { size } = part.body;
  let end = part.start + (size ?? 0);
  const response = await send(context, {
    method: 'PATCH',
    target: session.url,
    headers: {
      'Content-Type': 'application/octet-stream',
      ...(size === undefined ? {} : { 'Content-Range': `${part.start}-${end - 1}` }),
    },
    body: part.body,
    onSent: (bytes) => {
      end = part.start + bytes;
      part.onSent(bytes);
    },
  });
  await discardBody(response, context.sender.timeouts);
  return { session: await next(context, session, response), position: confirmedBytes(response) ?? end };
}

/** Ends an upload with the last bytes, or all of them, or none. */
export async function putUpload(context: UploadContext, session: Session, part: Part): Promise<void> {
  const { href } = session.url;
  const target = new URL(
    `${href}${href.includes('?') ? '&' : '?'}digest=${encodeURIComponent(context.digest)}`,
  );
  const headers = { 'Content-Type': 'application/octet-stream' };
  const patience = context.sender.timeouts.commit;
  const response = await send(context, {
    method: 'PUT',
    target,
    headers,
    body: part.body,
    onSent: part.onSent,
    patience,
  });
  await discardBody(response, context.sender.timeouts);
  const stated = response.headers['docker-content-digest'];
  if (isDigest(stated) && stated !== context.digest)
    throw new RegistryFailure('registry', `${context.what}: the registry stored it as ${stated}`);
  if (response.status !== 201 && !(await blobExists(context))) throw unexpected(context, response);
}

/** How much of an upload the registry has; undefined when it does not know the upload any more or cannot say. */
export async function uploadStatus(
  context: UploadContext,
  session: Session,
): Promise<{ session: Session; position: number } | undefined> {
  const response = await send(context, { method: 'GET', target: session.url, accept: [400, 404, 405, 416] });
  await discardBody(response, context.sender.timeouts);
  const position = confirmedBytes(response);
  if (response.status >= 300 || position === undefined) return undefined;
  return { session: await next(context, session, response), position };
}

/** Abandons an upload; registries expire it anyway. */
export async function cancelUpload(context: UploadContext, session: Session): Promise<void> {
  const response = await send(context, {
    method: 'DELETE',
    target: session.url,
    accept: [400, 401, 403, 404, 405, 501],
  });
  await discardBody(response, context.sender.timeouts);
}

function send(
  context: UploadContext,
  call: Omit<Call, 'scopes' | 'what'>,
  more: readonly Scope[] = [],
): Promise<Response> {
  const { sender, where, what, job } = context;
  return sender.send(
    where,
    { ...call, what, scopes: [repositoryScope(where.repository, ...context.actions), ...more] },
    job,
  );
}

async function next(
  { sender, where, job }: UploadContext,
  session: Session,
  response: Response,
): Promise<Session> {
  const { location } = response.headers;
  if (location === undefined) return session;
  return {
    ...session,
    url: referredUrl(await sender.referrals(where.registry, job), location, response.url),
  };
}

/**
 * Bytes by `Range: 0-<last>`. `0-0` stands for one byte and, with distribution, for none: undefined.
 */
function confirmedBytes(response: Response): number | undefined {
  const match = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(response.headers['range']?.trim() ?? '');
  return match === null || match[1] === '0' ? undefined : Number(match[1]) + 1;
}

function unexpected({ what }: UploadContext, response: Response): RegistryFailure {
  return new RegistryFailure(
    'registry',
    `${what}: the registry answered ${response.status}, which is not expected here`,
    { status: response.status },
  );
}
