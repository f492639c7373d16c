import test from 'ava';
import { parseMountOptions } from '../../src/parser/mounts.js';
import { checkMountValue, parseMountSize } from '../../src/parser/mount-values.js';
import { TsbuildError } from '../../src/util/errors.js';
import type { MountOption } from '../../src/parser/types.js';

const parses = test.macro({
  exec(t, text: string, type: MountOption['type'], options: MountOption['options']) {
    t.deepEqual(parseMountOptions(text), { type, options });
  },
  title: (rule = '', text: string) => `${rule}: ${text}`,
});

const refuses = test.macro({
  exec(t, text: string, message: RegExp) {
    t.is(t.throws(() => parseMountOptions(text), { instanceOf: TsbuildError, message })?.code, 'dockerfile');
  },
  title: (rule = '', text: string) => `${rule}: ${text}`,
});

test('bind is the default', parses, 'target=/x', 'bind', [['target', '/x']]);
test('keys in any case', parses, 'Type=CACHE,TARGET=/x', 'cache', [['target', '/x']]);
test('the type may come last', parses, 'id=a,required,type=secret', 'secret', [
  ['id', 'a'],
  ['required', 'true'],
]);
test('aliases are spelled out', parses, 'src=a,dst=b,rw', 'bind', [
  ['source', 'a'],
  ['target', 'b'],
  ['readwrite', 'true'],
]);
test('aliases are spelled out', parses, 'destination=/x,ro=false', 'bind', [
  ['target', '/x'],
  ['readonly', 'false'],
]);
test('quoted fields hold commas', parses, '"target=/a,b",from=x', 'bind', [
  ['target', '/a,b'],
  ['from', 'x'],
]);
test('values with variables are not checked yet', parses, 'type=cache,target=$T,uid=$U,mode=${M}', 'cache', [
  ['target', '$T'],
  ['uid', '$U'],
  ['mode', '${M}'],
]);
test(
  'cache options',
  parses,
  'type=cache,target=/x,id=i,sharing=Locked,mode=0755,uid=1,gid=2,from=b,source=s',
  'cache',
  [
    ['target', '/x'],
    ['id', 'i'],
    ['sharing', 'Locked'],
    ['mode', '0755'],
    ['uid', '1'],
    ['gid', '2'],
    ['from', 'b'],
    ['source', 's'],
  ],
);
test('secret options', parses, 'type=secret,id=i,env=TOKEN,mode=0400,required=true', 'secret', [
  ['id', 'i'],
  ['env', 'TOKEN'],
  ['mode', '0400'],
  ['required', 'true'],
]);
test('ssh needs nothing', parses, 'type=ssh', 'ssh', []);
test('tmpfs size', parses, 'type=tmpfs,target=/x,size=64m', 'tmpfs', [
  ['target', '/x'],
  ['size', '64m'],
]);
test('a dollar that names nothing', parses, 'from=a$,target=/x', 'bind', [
  ['from', 'a$'],
  ['target', '/x'],
]);

test('unknown key', refuses, 'targt=/x', /unexpected key "targt"/);
test('unknown key', refuses, 'target=/x,bind-propagation=shared', /unexpected key "bind-propagation"/);
test('unknown key', refuses, 'target=/x,', /unexpected key ""/);
test('unknown type', refuses, 'type=volume,target=/x', /unsupported mount type "volume"/);
test('a type cannot be a variable', refuses, 'type=$T,target=/x', /cannot come from a variable/);
test('a value is needed', refuses, 'target', /must be a key=value pair/);
test('a key twice', refuses, 'target=/a,dst=/b', /target is given twice/);
test('read-only and not', refuses, 'target=/a,ro,rw', /both readonly and readwrite/);
test('from takes no variables', refuses, 'from=$X,target=/a', /from does not support variable expansion/);
test('from takes no variables', refuses, 'from=${X},target=/a', /from does not support variable expansion/);
test('the root', refuses, 'target=/', /nothing can be mounted over the root/);
test('the root', refuses, 'target=//./', /nothing can be mounted over the root/);
test('the root', refuses, 'target=/a/../..', /nothing can be mounted over the root/);
test('broken quoting', refuses, 'target="/x"', /invalid quoting/);

const foreign: readonly (readonly [string, string])[] = [
  ['bind', 'id=x'], ['bind', 'mode=0755'], ['bind', 'uid=0'], ['bind', 'gid=0'], ['bind', 'required'], ['bind', 'size=1m'],
  ['bind', 'sharing=shared'], ['bind', 'env=X'], ['cache', 'required'], ['cache', 'size=1m'], ['cache', 'env=X'],
  ['tmpfs', 'from=x'], ['tmpfs', 'source=x'], ['tmpfs', 'mode=0755'], ['tmpfs', 'required'], ['tmpfs', 'sharing=shared'],
  ['tmpfs', 'id=x'], ['secret', 'from=x'], ['secret', 'sharing=shared'], ['secret', 'size=1m'], ['secret', 'rw'],
  ['ssh', 'from=x'], ['ssh', 'source=x'], ['ssh', 'sharing=shared'], ['ssh', 'size=1m'], ['ssh', 'env=X'],
]; // prettier-ignore
for (const [type, option] of foreign) {
  test(
    'a key of another type',
    refuses,
    `type=${type},target=/x,${option}`,
    /is not allowed for mounts of type/,
  );
}

test('a secret needs a name', refuses, 'type=secret', /one of id, source, target required/);
test('a secret needs a name', refuses, 'type=secret,env=X', /one of id, source, target required/);
test('a secret has one name', refuses, 'type=secret,id=a,source=b', /not both/);

const values: readonly (readonly [string, string])[] = [
  ['ro', 'maybe'], ['ro', 'yes'], ['ro', ''], ['rw', 'TrUe'],
]; // prettier-ignore
for (const [key, value] of values)
  test('boolean values', refuses, `target=/x,${key}=${value}`, /must be true or false/);
for (const mode of ['99999', '10000', '-1', 'u=r', '', '0o755', '8']) {
  test('modes', refuses, `type=cache,target=/x,mode=${mode}`, /octal mode/);
}
for (const id of ['4294967295', '4294967296', '-1', 'root', '', '1e3', '0x0', '1.5']) {
  test('ids', refuses, `type=cache,target=/x,uid=${id}`, /must be a number/);
}
for (const size of ['-1', 'x', '', '1z', '1e3', '9999999p']) {
  test('sizes', refuses, `type=tmpfs,target=/x,size=${size}`, /must be a size/);
}
test('sharing', refuses, 'type=cache,target=/x,sharing=exclusive', /one of shared, private, locked/);
test('env', refuses, 'type=secret,id=a,env=', /name of a variable/);

test('sizes in units of 1024', (t) => {
  t.is(parseMountSize('64m'), 64 * 1024 ** 2);
  t.is(parseMountSize('1.5KiB'), 1536);
  t.is(parseMountSize('10'), 10);
  t.is(parseMountSize('2gb'), 2 * 1024 ** 3);
  t.is(parseMountSize('1 K'), 1024);
});

test('expanded values are checked by the same rules', (t) => {
  t.throws(() => checkMountValue('uid', 'root'), { instanceOf: TsbuildError });
  t.throws(() => checkMountValue('target', '/'), { instanceOf: TsbuildError });
  t.notThrows(() => checkMountValue('uid', '1000'));
  t.notThrows(() => checkMountValue('id', 'anything'));
});

test('hints', (t) => {
  const hintOf = (text: string): string | undefined =>
    t.throws(() => parseMountOptions(text), { instanceOf: TsbuildError })?.hint;
  t.is(hintOf('targt=/x'), 'did you mean target?');
  t.is(hintOf('type=cahce'), 'did you mean cache?');
  t.is(hintOf('target=/x,size=1'), 'it is an option of tmpfs mounts');
});
