import test from 'ava';
import { parseOutput, type ImageForm, type OutputSpec } from '../../src/image/output.js';
import { TsbuildError } from '../../src/util/errors.js';

const form: ImageForm = {
  names: [],
  compression: undefined,
  compressionLevel: undefined,
  forceCompression: false,
  ociMediaTypes: true,
  rewriteTimestamps: undefined,
  annotations: [],
};
const image = { type: 'image', push: false, pushByDigest: false, insecure: false, form } as const;

const means = test.macro({
  exec(t, text: string, expected: OutputSpec) {
    t.deepEqual(parseOutput(text), expected);
  },
  title: (name, text) => `${text}: ${name}`,
});

test('a path is a folder', means, 'out', { type: 'local', dest: 'out', platformSplit: undefined });
test('- is a tar on standard output', means, '-', { type: 'tar', dest: '-', platformSplit: undefined });
test('local', means, 'type=local,dest=a b,platform-split=false', {
  type: 'local',
  dest: 'a b',
  platformSplit: false,
});
test('tar', means, 'type=tar,dest=-', { type: 'tar', dest: '-', platformSplit: undefined });
test('a comma in quotes', means, 'type=tar,"dest=a,b"', {
  type: 'tar',
  dest: 'a,b',
  platformSplit: undefined,
});
test('keys in any case', means, 'TYPE=tar,Dest=x', { type: 'tar', dest: 'x', platformSplit: undefined });
test('oci', means, 'type=oci,dest=x.tar', { type: 'oci', dest: 'x.tar', tar: true, form });
test('oci folder', means, 'type=oci,dest=x,tar=false', { type: 'oci', dest: 'x', tar: false, form });
test('docker', means, 'type=docker,dest=-,compression=gzip', {
  type: 'docker',
  dest: '-',
  tar: true,
  form: { ...form, compression: 'gzip' },
});
test('image', means, 'type=image', image);
test('registry pushes', means, 'type=registry', { ...image, push: true });
test(
  'options of images',
  means,
  'type=image,push=1,push-by-digest=true,registry.insecure=t,force-compression=true',
  {
    ...image,
    push: true,
    pushByDigest: true,
    insecure: true,
    form: { ...form, forceCompression: true },
  },
);
test(
  'names are normalised, media types and levels read',
  means,
  'type=image,"name=app,ghcr.io/o/app:1",oci-mediatypes=false,compression=uncompressed,compression-level=9',
  {
    ...image,
    form: {
      ...form,
      names: ['docker.io/library/app:latest', 'ghcr.io/o/app:1'],
      ociMediaTypes: false,
      compression: 'none',
      compressionLevel: 9,
    },
  },
);
test('annotations', means, 'type=image,annotation.org.A=1,annotation-index[linux/amd64].b=c=d', {
  ...image,
  form: {
    ...form,
    annotations: [
      { level: 'manifest', platform: undefined, key: 'org.A', value: '1' },
      { level: 'index', platform: 'linux/amd64', key: 'b', value: 'c=d' },
    ],
  },
});

const refused = test.macro({
  exec(t, text: string, message: RegExp) {
    const error = t.throws(() => parseOutput(text), { instanceOf: TsbuildError });
    t.is(error?.code, 'usage');
    t.regex(error?.message ?? '', message);
  },
  title: (name, text) => `refused ${text}: ${name}`,
});
test('empty', refused, '', /empty/);
test('no type', refused, 'dest=x', /no type/);
test('unknown type', refused, 'type=zip,dest=x', /"zip" is not known/);
test('a type of JavaScript', refused, 'type=constructor,dest=x', /not known/);
test('no dest', refused, 'type=oci', /no dest/);
test('empty dest', refused, 'type=local,dest=', /no dest/);
test('a folder on standard output', refused, 'type=local,dest=-', /standard output/);
test('a layout folder on standard output', refused, 'type=oci,tar=false,dest=-', /standard output/);
test('unknown option', refused, 'type=local,dest=x,mode=y', /no option "mode"/);
test('option of another type', refused, 'type=local,dest=x,compression=gzip', /no option/);
test('twice', refused, 'type=tar,dest=a,dest=b', /twice/);
test('not true or false', refused, 'type=oci,dest=a,tar=yes', /"yes", not true or false/);
test('compression', refused, 'type=oci,dest=a,compression=lz4', /"lz4" is not known/);
test('level', refused, 'type=oci,dest=a,compression-level=-1', /0 to 22/);
test('no key=value', refused, 'type=oci,dest', /key=value/);
test('no key', refused, 'type=oci,=x', /key=value/);
test('open quote', refused, 'type=oci,"dest=x', /quote/);
test('name', refused, 'type=oci,dest=x,name=A B', /invalid/);
test('annotation', refused, 'type=oci,dest=x,annotations=y', /not an annotation/);
