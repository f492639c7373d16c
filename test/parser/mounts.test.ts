import test from 'ava';
import { expandWord } from '../../src/parser/expand.js';
import { resolveMount } from '../../src/parser/mount.js';
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
  ['tmpfs', 'id=x'], ['tmpfs', 'ro'], ['tmpfs', 'rw'], ['secret', 'ro'], ['ssh', 'ro'], ['secret', 'from=x'], ['secret', 'sharing=shared'], ['secret', 'size=1m'], ['secret', 'rw'],
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

const resolves = test.macro({
  exec(t, text: string, expected: object) {
    const values = new Map([['T', '/t']]);
    const expand = (word: string): string => expandWord(word, { get: (name) => values.get(name) }, '\\');
    t.deepEqual(resolveMount(parseMountOptions(text), expand), expected as ReturnType<typeof resolveMount>);
  },
  title: (rule = '', text: string) => `resolved, ${rule}: ${text}`,
});

const root = { uid: 0, gid: 0 };
const bind = { type: 'bind', from: undefined, source: '/', readonly: true };
test('defaults of bind', resolves, 'target=$T/x', { ...bind, target: '/t/x' });
test('a bind from a stage', resolves, 'from=b,source=$T,target=x,rw', {
  ...bind, target: 'x', from: 'b', source: '/t', readonly: false,
}); // prettier-ignore
test('a bind that says ro=false', resolves, 'target=x,ro=0', { ...bind, target: 'x', readonly: false });
test('a bind that says rw=false', resolves, 'target=x,rw=false', { ...bind, target: 'x' });

const cache = {
  type: 'cache',
  from: undefined,
  source: '/',
  sharing: 'shared',
  readonly: false,
  mode: 0o755,
  ...root,
};
test('defaults of cache', resolves, 'type=cache,target=/a//b/', { ...cache, target: '/a//b/', id: '/a/b' });
test('a cache with all', resolves, 'type=cache,target=$T,id=i,sharing=LOCKED,mode=700,uid=5,gid=6,ro,from=s,source=d', {
  type: 'cache', target: '/t', id: 'i', sharing: 'locked', mode: 0o700, uid: 5, gid: 6, readonly: true, from: 's', source: 'd',
}); // prettier-ignore
test('tmpfs', resolves, 'type=tmpfs,target=/x,size=1k', { type: 'tmpfs', target: '/x', size: 1024 });
test('tmpfs', resolves, 'type=tmpfs,target=/x', { type: 'tmpfs', target: '/x', size: undefined });

const secret = { type: 'secret', env: undefined, required: false, mode: 0o400, ...root };
test('a secret goes to /run/secrets', resolves, 'type=secret,id=i', {
  ...secret,
  id: 'i',
  target: '/run/secrets/i',
});
test('source is an id', resolves, 'type=secret,source=i', { ...secret, id: 'i', target: '/run/secrets/i' });
test('a target names the secret', resolves, 'type=secret,target=/a/i', {
  ...secret,
  id: 'i',
  target: '/a/i',
});
test('a variable needs no file', resolves, 'type=secret,id=i,env=E', {
  ...secret,
  id: 'i',
  env: 'E',
  target: undefined,
});
test('a variable and a file', resolves, 'type=secret,id=i,env=E,target=/x,required', {
  ...secret, id: 'i', env: 'E', target: '/x', required: true,
}); // prettier-ignore
test('defaults of ssh', resolves, 'type=ssh', {
  type: 'ssh', id: 'default', target: undefined, required: false, mode: 0o600, ...root,
}); // prettier-ignore

test('values that are wrong once expanded', (t) => {
  const resolve = (text: string, value: string): unknown =>
    resolveMount(parseMountOptions(text), () => value);
  t.throws(() => resolve('type=cache,target=/x,uid=$U', 'root'), {
    instanceOf: TsbuildError,
    message: /must be a number/,
  });
  t.throws(() => resolve('target=$T', '/'), { instanceOf: TsbuildError, message: /over the root/ });
  t.throws(() => resolve('type=secret,target=$T', ''), {
    instanceOf: TsbuildError,
    message: /neither id nor target/,
  });
});

test('hints', (t) => {
  const hintOf = (text: string): string | undefined =>
    t.throws(() => parseMountOptions(text), { instanceOf: TsbuildError })?.hint;
  t.is(hintOf('targt=/x'), 'did you mean target?');
  t.is(hintOf('type=cahce'), 'did you mean cache?');
  t.is(hintOf('target=/x,size=1'), 'it is an option of tmpfs mounts');
});

for (const [key, value] of [
  ['target', '/t'],
  ['source', '/t'],
  ['id', '/t'],
] as const) {
  test(`${key} is expanded`, (t) => {
    const mount = resolveMount(
      parseMountOptions(`type=cache,target=/x,${key}=$T`.replace('target=/x,target', 'target')),
      () => value,
    );
    t.is(new Map<string, unknown>(Object.entries(mount)).get(key), value);
  });
}
test('from is not expanded', (t) => {
  const asked: string[] = [];
  const expand = (word: string): string => {
    asked.push(word);
    return word;
  };
  t.like(resolveMount(parseMountOptions('from=a$,target=/x,source=s'), expand), { from: 'a$' });
  t.deepEqual(asked, ['/x', 's']);
});
