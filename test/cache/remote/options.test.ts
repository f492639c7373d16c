import test from 'ava';
import { parseCacheFrom, parseCacheTo } from '../../../src/cache/remote/options.js';

const digest = `sha256:${'0'.repeat(64)}`;

const from = test.macro((t, text: string, place: object) => {
  t.like(parseCacheFrom(text, '/here'), { place });
});
const to = test.macro((t, text: string, option: object) => {
  t.like(parseCacheTo(text, '/here'), option);
});
const wrong = test.macro((t, text: string, message: RegExp) => {
  t.throws(() => parseCacheTo(text, '/here'), { code: 'usage', message });
});

test('a name alone is a registry’s', from, 'ghcr.io/me/app', {
  type: 'registry',
  ref: 'ghcr.io/me/app:latest',
});
test('short names are Docker Hub’s', from, 'type=registry,ref=me/cache:x', {
  type: 'registry',
  ref: 'docker.io/me/cache:x',
});
test('a folder is relative to the working directory', from, 'type=local,src=cache', {
  type: 'local',
  path: '/here/cache',
  tag: 'latest',
});
test('quotes as in CSV', from, 'type=local,"src=a,b"', { path: '/here/a,b' });
test('a bucket with a prefix', from, 'type=s3,bucket=b,prefix=p,region=eu,name=n', {
  type: 's3',
  bucket: 'b',
  blobs: 'p/blobs/',
  manifests: 'p/manifests/',
  region: 'eu',
  name: 'n',
});
test('the Actions cache', from, 'type=gha,scope=web', { type: 'gha', scope: 'web' });

test('mode=min and gzip are the defaults', to, 'type=registry,ref=r.io/c', {
  mode: 'min',
  compression: 'gzip',
  ignoreError: false,
  mounts: 'none',
});
test(
  'all options',
  to,
  'type=local,dest=/c,tag=t,mode=max,compression=uncompressed,ignore-error=true,mounts=true',
  {
    place: { path: '/c', tag: 't' },
    mode: 'max',
    compression: 'none',
    ignoreError: true,
    mounts: 'all',
  },
);
test('cache mounts by id', (t) => {
  t.deepEqual(parseCacheTo('type=registry,ref=r.io/c,mounts=npm;pip', '/').mounts, new Set(['npm', 'pip']));
});
test('options that buildx has and that are always so', to, 'type=registry,ref=r.io/c,image-manifest=true', {
  mode: 'min',
});

test('folders of a bucket', from, 'type=s3,bucket=b,prefix=p,blobs_prefix=x/y,manifests_prefix=', {
  blobs: 'p/x/y/',
  manifests: 'p/',
});
test('a registry’s cache of one moment', from, `r.io/c@${digest}`, { ref: `r.io/c@${digest}` });
test('a folder’s cache of one moment', from, `type=local,src=c,digest=${digest}`, { tag: digest });
test('a new beginning', to, 'type=local,dest=c,reset=true', { place: { reset: true } });
test('levels', to, 'type=registry,ref=r.io/c,compression=zstd,compression-level=19,force-compression=true', {
  compression: 'zstd',
  compressionLevel: 19,
});
test('the largest cache mount', to, 'type=registry,ref=r.io/c,mounts=true,max-mount-size=1.5g', {
  mountLimit: 1.5 * 2 ** 30,
});
test(
  'what cannot change a result is told: s3',
  to,
  'type=s3,bucket=b,touch_refresh=1h,upload_parallelism=2',
  {
    ignored: ['touch_refresh', 'upload_parallelism'],
  },
);
test(
  'what cannot change a result is told: gha',
  to,
  'type=gha,timeout=5m,repository=o/r,ghtoken=x,version=2',
  {
    ignored: ['timeout', 'repository', 'ghtoken'],
  },
);

test(
  'an index in place of a manifest',
  wrong,
  'type=registry,ref=r.io/c,image-manifest=false',
  /always an OCI image/,
);
test('types of Docker', wrong, 'type=registry,ref=r.io/c,oci-mediatypes=false', /always an OCI image/);
test(
  'a compression that is none of ours',
  wrong,
  'type=registry,ref=r.io/c,compression=estargz',
  /gzip or zstd/,
);
test('a level that is none', wrong, 'type=local,dest=c,compression-level=high', /a number from 0 to 22/);
test('a size that is none', wrong, 'type=local,dest=c,max-mount-size=many', /a size such as 500m/);
test('the first Actions cache', wrong, 'type=gha,version=1', /only version 2/);
test('a digest of a folder is read only', wrong, `type=local,dest=c,digest=${digest}`, /no option "digest"/);
test('an unknown type', wrong, 'type=azblob', /type "azblob" is not supported/);
test('an unknown option', wrong, 'type=local,dest=x,color=red', /no option "color"/);
test('src is of --cache-from', wrong, 'type=local,src=x', /no option "src"/);
test('a required option', wrong, 'type=registry,mode=max', /needs ref=/);
test('a wrong value', wrong, 'type=registry,ref=r.io/c,mode=all', /mode is min or max, not "all"/);
test('an option twice', wrong, 'type=registry,ref=r.io/c,ref=r.io/d', /given twice/);
test('a digest', wrong, `type=registry,ref=r.io/c@${digest}`, /named by a tag, not by a digest/);
test('an inline cache holds the image only', wrong, 'type=inline,mode=max', /its own layers only/);
test('half of the credentials', wrong, 'type=s3,bucket=b,access_key_id=x', /belong together/);
test('secrets are not shown', (t) => {
  const error = t.throws(() => parseCacheTo('type=s3,bucket=b,secret_access_key=hush,nope=1', '/'));
  t.false(error?.message.includes('hush'));
  const quoted = t.throws(() => parseCacheTo('type=s3,"bucket=b,secret_access_key=hush', '/'));
  t.false(quoted?.message.includes('hush'));
});
