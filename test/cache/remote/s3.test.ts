import test from 'ava';
import { parseCacheFrom } from '../../../src/cache/remote/options.js';
import { S3Host } from '../../../src/cache/remote/s3-host.js';
import { digestOf } from '../../../src/oci/digest.js';
import { noise, recordedJob } from '../../helpers/registry-values.js';
import { s3Credentials, startS3 } from '../../helpers/s3-server.js';
import { s3Backend } from './backends.js';
import { remoteSuite } from './suite.js';

remoteSuite(test, s3Backend);

function placeOf(text: string) {
  const { place } = parseCacheFrom(`type=s3,${text}`, '/');
  if (place.type !== 's3') throw new Error('not S3');
  return place;
}

const env = {
  AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
  AWS_REGION: 'eu-central-1',
};

test('a large blob is sent in parts and comes back whole', async (t) => {
  const server = await startS3();
  t.teardown(() => server.close());
  const job = recordedJob();
  const host = new S3Host(placeOf(`bucket=b,endpoint_url=${server.endpoint},use_path_style=true`), env, job);
  const bytes = noise(70_000_000);
  const descriptor = { mediaType: 'application/x', digest: digestOf(bytes), size: bytes.length };
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 999_983)
      yield await Promise.resolve(bytes.subarray(at, at + 999_983));
  }
  await host.put({ descriptor, open });
  t.is(server.seen.filter((request) => request.startsWith('PUT ')).length, 3);
  let size = 0;
  for await (const chunk of host.open(descriptor)) size += chunk.length;
  t.is(size, bytes.length);
  const before = server.seen.length;
  await host.put({ descriptor, open });
  t.is(server.seen.length, before + 1);
});

test('wrong credentials are told as such, and missing ones before anything is sent', async (t) => {
  const server = await startS3();
  t.teardown(() => server.close());
  const place = placeOf(`bucket=b,endpoint_url=${server.endpoint},use_path_style=true`);
  const host = new S3Host(place, { ...env, AWS_SECRET_ACCESS_KEY: 'other' }, recordedJob());
  await t.throwsAsync(() => host.manifest('x'), { code: 'auth', message: /SignatureDoesNotMatch/ });
  t.throws(() => new S3Host(place, {}, recordedJob()), { code: 'usage' });
  t.is(server.seen.length, 1);
});
