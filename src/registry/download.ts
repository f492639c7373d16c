/** Blobs from a registry (distribution-spec, "Pulling blobs"; RFC 9110, 14 for ranges). */
import { createHash } from 'node:crypto';
import { finishDigest, type Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import { repositoryScope } from './challenge.js';
import { bodyOf, discardBody, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { networkFailure } from './network-failure.js';
import { Attempts } from './retry.js';
import type { Sender } from './sender.js';
import { repositoryName } from './repository-name.js';
import type { Repository, RetryOptions } from './types.js';

/** Bytes after which a connection that drops counts as a good one: attempts count anew. */
const worthwhile = 64 * 1024;

export interface Download {
  readonly where: Repository;
  readonly descriptor: Descriptor;
  readonly offset: number;
  readonly retries: RetryOptions;
  readonly job: Job;
}

/** See RegistryClient.openBlob. */
export async function* downloadBlob(sender: Sender, download: Download): AsyncGenerator<Uint8Array> {
  const { descriptor, offset, where } = download;
  const { size } = descriptor;
  const what = `cannot fetch the blob ${descriptor.digest} of ${repositoryName(where)}`;
  if (!Number.isSafeInteger(size) || size < 0 || offset > size)
    throw new RegistryFailure('image', `${what}: its size is impossible`);
  const hash = offset === 0 ? createHash('sha256') : undefined;
  const attempts = new Attempts(download.retries, download.job);
  const reader = new BlobReader(sender, download, what);
  let position = offset;
  for (;;) {
    const start = position;
    try {
      for await (const chunk of reader.from(position)) {
        position += chunk.length;
        if (position > size)
          throw new RegistryFailure(
            'registry',
            `${what}: it is longer than the ${size} bytes that it should have`,
          );
        hash?.update(chunk);
        yield chunk;
      }
      if (position === size) break;
      throw new RegistryFailure('registry', `${what}: it ended after ${position} of ${size} bytes`, {
        transient: true,
      });
    } catch (error) {
      if (position - start >= worthwhile) attempts.progressed();
      await attempts.again(error);
    }
  }
  if (hash !== undefined) compareDigest(finishDigest(hash), descriptor.digest, what);
}

function compareDigest(digest: Digest, expected: Digest, what: string): void {
  if (digest === expected) return;
  throw new RegistryFailure('registry', `${what}: the registry sent other bytes, with the digest ${digest}`, {
    damaged: true,
    hint: 'the registry or something between is damaged: try again, or push the image again',
  });
}

/** Requests a blob from a position on, by range as long as the registry gives the right ones. */
class BlobReader {
  #ranges = true;

  constructor(
    private readonly sender: Sender,
    private readonly download: Download,
    private readonly what: string,
  ) {}

  async *from(position: number): AsyncGenerator<Uint8Array> {
    const { where, descriptor, job } = this.download;
    const ranged = position > 0 && this.#ranges;
    const response = await this.sender.send(
      where,
      {
        method: 'GET',
        target: `blobs/${descriptor.digest}`,
        headers: ranged ? { Range: `bytes=${position}-` } : {},
        scopes: [repositoryScope(where.repository, 'pull')],
        accept: ranged ? [416] : [],
        what: this.what,
      },
      job,
    );
    await this.#check(response, position);
    let skip = response.status === 206 ? 0 : position;
    try {
      for await (const chunk of bodyOf(response, this.sender.timeouts)) {
        const wanted = skip >= chunk.length ? chunk.subarray(0, 0) : chunk.subarray(skip);
        skip = Math.max(0, skip - chunk.length);
        if (wanted.length > 0) yield wanted;
      }
    } catch (error) {
      throw networkFailure(error, this.what, response.url);
    }
  }

  /** Refuses answers that are not what was asked for before a byte of them is used. */
  async #check(response: Response, position: number): Promise<void> {
    const { size } = this.download.descriptor;
    const expected = response.status === 206 ? size - position : size;
    const length = response.headers['content-length'];
    const rightRange = response.status !== 206 || isRange(response.headers['content-range'], position, size);
    const problem =
      response.status === 416 || !rightRange
        ? 'the registry answered with another part of it'
        : length !== undefined && Number(length) !== expected
          ? `the registry announced ${length} bytes instead of ${expected}`
          : undefined;
    if (problem === undefined) return;
    this.#ranges = false;
    await discardBody(response, this.sender.timeouts);
    throw new RegistryFailure('registry', `${this.what}: ${problem}`, { transient: true });
  }
}

/** `bytes 5-9/10`: from the position asked for to the end. */
function isRange(header: string | undefined, position: number, size: number): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header?.trim() ?? '');
  return (
    match !== null &&
    Number(match[1]) === position &&
    Number(match[2]) === size - 1 &&
    (match[3] === '*' || Number(match[3]) === size)
  );
}
