/** Fifty connections that break in one transfer. TSBUILD_TEST_RESET_BYTES: bytes of the blob (32 MiB; 1 GiB on demand). */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { finishDigest, hexOf } from '../../src/oci/digest.js';
import { parseReference } from '../../src/oci/reference.js';
import type { PushableBlob } from '../../src/registry/types.js';
import { startCuttingProxy } from '../helpers/cutting-proxy.js';
import { startFileRegistry } from '../helpers/file-registry.js';
import { quickClient, recordedJob } from '../helpers/registry-values.js';
import { scratchOf } from '../helpers/stores.js';

const size = Number(process.env['TSBUILD_TEST_RESET_BYTES'] ?? 32 * 1024 * 1024);
const resets = 50;
const piece = 64 * 1024;
/** Bytes after which each of the connections breaks: the last ones end well before the blob does. */
const cuts = Array.from({ length: resets }, (_, i) => Math.floor((size * 0.9) / resets) - (i % 7) * 1000);

/** Noise from an offset on: the same bytes whatever the offset. */
async function* noiseFrom(offset: number): AsyncGenerator<Uint8Array> {
  const zeros = Buffer.alloc(piece);
  for (let at = offset - (offset % piece); at < size; at += piece) {
    const counter = Buffer.alloc(16);
    counter.writeUInt32BE(at / piece, 8);
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), counter);
    const block = cipher.update(zeros.subarray(0, Math.min(piece, size - at)));
    yield block.subarray(Math.max(0, offset - at));
    await Promise.resolve();
  }
}

async function noiseBlob(): Promise<PushableBlob> {
  const hash = createHash('sha256');
  for await (const chunk of noiseFrom(0)) hash.update(chunk);
  const digest = finishDigest(hash);
  return { descriptor: { mediaType: 'x', digest, size }, open: (offset = 0) => noiseFrom(offset) };
}

test('fifty resets in one push: at most a tenth of the bytes is sent again', async (t) => {
  const registry = await startFileRegistry(scratchOf(t));
  const proxy = await startCuttingProxy(registry.host, { sending: cuts });
  const client = quickClient({ chunkSize: Math.max(1024 * 1024, size / 32) });
  t.teardown(() => client.close());
  t.teardown(() => proxy.close());
  t.teardown(() => registry.close());
  const job = recordedJob();
  const outcome = await client.pushBlob(parseReference(`${proxy.host}/app`), await noiseBlob(), job, 'push');
  t.is(outcome, 'uploaded');
  t.is(job.warnings.length, resets, 'each reset is told');
  t.log(`${(proxy.sent() / size).toFixed(4)} × the blob was sent`);
  t.true(proxy.sent() <= size * 1.1, `${proxy.sent()} bytes were sent for ${size}`);
});

test('fifty resets in one pull: at most a tenth of the bytes comes again', async (t) => {
  const folder = scratchOf(t);
  const registry = await startFileRegistry(folder);
  const proxy = await startCuttingProxy(registry.host, { receiving: cuts });
  const client = quickClient();
  t.teardown(() => client.close());
  t.teardown(() => proxy.close());
  t.teardown(() => registry.close());
  const blob = await noiseBlob();
  const { descriptor } = blob;
  const file = createWriteStream(join(folder, hexOf(descriptor.digest)));
  for await (const chunk of blob.open()) if (!file.write(chunk)) await once(file, 'drain');
  await new Promise<void>((resolve) => file.end(resolve));
  const job = recordedJob();
  let received = 0;
  for await (const chunk of client.openBlob(parseReference(`${proxy.host}/app`), descriptor, job))
    received += chunk.length;
  t.is(received, size);
  t.is(job.warnings.length, resets, 'each reset is told');
  t.log(`${(proxy.received() / size).toFixed(4)} × the blob came`);
  t.true(proxy.received() <= size * 1.1, `${proxy.received()} bytes came for ${size}`);
});
