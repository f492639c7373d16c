/** Manifests and tags (distribution-spec, "Pull", "Push", "Content Discovery"). */
import { digestOf, isDigest, type Digest } from '../oci/digest.js';
import { isJsonObject } from '../oci/json-guards.js';
import { isIndexType, isManifestType, mediaTypes } from '../oci/media-types.js';
import { formatReference, isTag, type Reference } from '../oci/reference.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import { repositoryScope } from './challenge.js';
import { bytesBody, discardBody, readBody, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { networkFailure } from './network-failure.js';
import type { Sender } from './sender.js';
import { repositoryName } from './repository-name.js';
import type { Repository, ResolvedManifest } from './types.js';

const accept = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
  'application/vnd.docker.distribution.manifest.v1+prettyjws', // answered with a clear error, not with 404
  '*/*;q=0.1',
].join(', ');

interface FetchOptions {
  readonly job: Job;
  /** Rights to ask for; to pull unless told. */
  readonly actions?: readonly string[] | undefined;
}

interface Fetched {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** HEAD, and GET where a registry does not answer HEAD usefully. See RegistryClient.resolve. */
export async function resolveManifest(
  sender: Sender,
  reference: Reference,
  job: Job,
): Promise<ResolvedManifest | undefined> {
  const response = await sender.send(
    reference,
    { ...manifestCall(reference, 'HEAD'), accept: [400, 404, 405, 406, 501] },
    job,
  );
  await discardBody(response, sender.timeouts);
  const descriptor = response.status === 200 ? statedDescriptor(response) : undefined;
  if (descriptor !== undefined && isExpected(reference, descriptor)) return { descriptor };
  const fetched = await getManifest(sender, reference, { job });
  return fetched === undefined ? undefined : { descriptor: fetched.descriptor };
}

/** See RegistryClient.manifest. */
export async function fetchManifest(
  sender: Sender,
  reference: Reference,
  { job, actions }: FetchOptions,
): Promise<Fetched> {
  const fetched = await getManifest(sender, reference, { job, actions });
  if (fetched !== undefined) return fetched;
  throw new RegistryFailure('registry', `${formatReference(reference)} does not exist`, {
    status: 404,
    codes: ['MANIFEST_UNKNOWN'],
    hint: 'check the name and the tag; private repositories look the same before signing in',
  });
}

async function getManifest(
  sender: Sender,
  reference: Reference,
  { job, actions = ['pull'] }: FetchOptions,
): Promise<Fetched | undefined> {
  const scopes = [repositoryScope(reference.repository, ...actions)];
  const call = { ...manifestCall(reference, 'GET'), scopes, accept: [404] };
  const response = await sender.send(reference, call, job);
  if (response.status === 404) {
    await discardBody(response, sender.timeouts);
    return undefined;
  }
  const what = `cannot fetch ${formatReference(reference)}`;
  const bytes = await readBody(response, maxDocumentSize, sender.timeouts).catch((error: unknown) => {
    throw networkFailure(error, what, response.url);
  });
  if (bytes === undefined)
    throw new RegistryFailure('image', `${what}: the manifest is larger than ${maxDocumentSize} bytes`);
  return { descriptor: verified(bytes, response, { reference, what }), bytes };
}

function verified(
  bytes: Buffer,
  response: Response,
  { reference, what }: { reference: Reference; what: string },
): Descriptor {
  const digest = digestOf(bytes);
  if (reference.digest !== undefined && digest !== reference.digest) {
    throw new RegistryFailure('image', `${what}: the registry sent a manifest with the digest ${digest}`, {
      transient: true,
    });
  }
  const stated = response.headers['docker-content-digest'];
  if (isDigest(stated) && stated !== digest) {
    throw new RegistryFailure('image', `${what}: the registry says ${stated}, but the bytes are ${digest}`, {
      transient: true,
    });
  }
  return { mediaType: mediaTypeOf(bytes, response), digest, size: bytes.length };
}

/** What the answer says; what the document says when a registry announces plain JSON or nothing. */
function mediaTypeOf(bytes: Buffer, response: Response): string {
  const stated = statedType(response);
  if (isIndexType(stated) || isManifestType(stated)) return stated;
  const own = ownMediaType(bytes);
  if (own !== undefined) return own;
  return stated === '' || /^(?:text\/plain|application\/(?:json|octet-stream))$/.test(stated)
    ? mediaTypes.ociManifest
    : stated;
}

function ownMediaType(bytes: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (!isJsonObject(value)) return undefined;
    const { mediaType } = value;
    if (typeof mediaType === 'string') return mediaType;
    return 'manifests' in value ? mediaTypes.ociIndex : undefined;
  } catch {
    return undefined; // the reader of the document says what is wrong with it
  }
}

function statedType(response: Response): string {
  return (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function statedDescriptor(response: Response): Descriptor | undefined {
  const digest = response.headers['docker-content-digest'];
  const length = response.headers['content-length'];
  const mediaType = statedType(response);
  if (!isDigest(digest) || length === undefined || !/^\d{1,15}$/.test(length) || Number(length) === 0)
    return undefined;
  return isIndexType(mediaType) || isManifestType(mediaType)
    ? { mediaType, digest, size: Number(length) }
    : undefined;
}

function isExpected(reference: Reference, descriptor: Descriptor): boolean {
  return reference.digest === undefined || reference.digest === descriptor.digest;
}

function manifestCall(reference: Reference, method: 'GET' | 'HEAD') {
  return {
    method,
    target: `manifests/${reference.digest ?? reference.tag ?? 'latest'}`,
    headers: { Accept: accept },
    scopes: [repositoryScope(reference.repository, 'pull')],
    what: `cannot fetch ${formatReference(reference)}`,
  };
}

export interface OutgoingManifest {
  /** A tag or a digest. */
  readonly reference: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** See RegistryClient.putManifest. */
export async function putManifest(
  sender: Sender,
  where: Repository,
  manifest: OutgoingManifest,
  job: Job,
): Promise<Digest> {
  const { reference, mediaType, bytes } = manifest;
  const digest = digestOf(bytes);
  if (!isTag(reference) && reference !== digest) {
    throw new RegistryFailure(
      'registry',
      `${JSON.stringify(reference.slice(0, 200))} is neither a tag nor the digest ${digest}`,
    );
  }
  const what = `cannot push the manifest ${repositoryName(where)}${isTag(reference) ? ':' : '@'}${reference}`;
  if (bytes.length > maxDocumentSize)
    throw new RegistryFailure('image', `${what}: it is larger than ${maxDocumentSize} bytes`);
  const response = await sender.send(
    where,
    {
      method: 'PUT',
      target: `manifests/${reference}`,
      headers: { 'Content-Type': mediaType },
      body: bytesBody(bytes),
      patience: sender.timeouts.commit,
      scopes: [repositoryScope(where.repository, 'pull', 'push')],
      what,
    },
    job,
  );
  await discardBody(response, sender.timeouts);
  const stated = response.headers['docker-content-digest'];
  if (isDigest(stated) && stated !== digest)
    throw new RegistryFailure('registry', `${what}: the registry stored it as ${stated}, not as ${digest}`);
  if (response.status !== 201 && stated !== digest) await readBack(sender, { ...where, digest }, job);
  return digest;
}

/** An answer that is not the specified one, 201, may come from a server that is no registry: what was sent must be there. */
async function readBack(
  sender: Sender,
  reference: Repository & { readonly digest: Digest },
  job: Job,
): Promise<void> {
  if ((await resolveManifest(sender, reference, job)) !== undefined) return;
  throw new RegistryFailure(
    'registry',
    `cannot push ${formatReference(reference)}: the registry does not have it although it took it`,
  );
}

/** Codes of registries that miss what a manifest names (distribution-spec, and distribution's own for indexes). */
const missing = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_REFERENCED_MANIFEST_UNKNOWN']);

/** Whether a registry refused a manifest because it has not all that this names. */
export function lacksContent(error: unknown): error is RegistryFailure {
  return error instanceof RegistryFailure && error.codes.some((code) => missing.has(code));
}
