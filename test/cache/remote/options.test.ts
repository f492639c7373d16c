import test from 'ava';
import { parseCacheFrom, parseCacheTo } from '../../../src/cache/remote/options.js';

const from = test.macro((t, text: string, place: object) => {
  t.like(parseCacheFrom(text, '/work'), { place });
});
const to = test.macro((t, text: string, option: object) => {
  t.like(parseCacheTo(text, '/work'), option);
});
const wrong = test.macro((t, text: string, message: RegExp) => {
  t.throws(() => parseCacheTo(text, '/work'), { code: 'usage', message });
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
  path: '/work/cache',
  tag: 'latest',
});
test('quotes as in CSV', from, 'type=local,"src=a,b"', { path: '/work/a,b' });
test('a bucket with a prefix', from, 'type=s3,bucket=b,prefix=p,region=eu,name=n', {
  type: 's3',
  bucket: 'b',
  prefix: 'p/',
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

test('an unknown type', wrong, 'type=azblob', /type "azblob" is not supported/);
test('an unknown option', wrong, 'type=local,dest=x,color=red', /no option "color"/);
test('src is of --cache-from', wrong, 'type=local,src=x', /no option "src"/);
test('a required option', wrong, 'type=registry,mode=max', /needs ref=/);
test('a wrong value', wrong, 'type=registry,ref=r.io/c,mode=all', /mode is min or max, not "all"/);
test('an option twice', wrong, 'type=registry,ref=r.io/c,ref=r.io/d', /given twice/);
test('a digest', wrong, `type=registry,ref=r.io/c@sha256:${'0'.repeat(64)}`, /by a tag, not by a digest/);
test('an inline cache holds the image only', wrong, 'type=inline,mode=max', /its own layers only/);
test('half of the credentials', wrong, 'type=s3,bucket=b,access_key_id=x', /belong together/);
test('secrets are not shown', (t) => {
  const error = t.throws(() => parseCacheTo('type=s3,bucket=b,secret_access_key=hush,nope=1', '/'));
  t.false(error?.message.includes('hush'));
});
