import test from 'ava';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseChmod } from '../../src/parser/chmod.js';
import { parseCsv } from '../../src/parser/csv.js';
import { parseGoDuration } from '../../src/parser/duration.js';
import { parsePortSpecs } from '../../src/parser/ports.js';
import { checkStopSignal } from '../../src/parser/stop-signal.js';
import { TsbuildError } from '../../src/util/errors.js';
import { missingOf } from '../helpers/programs.js';

const duration = test.macro({
  exec(t, text: string, expected: number) {
    t.is(parseGoDuration(text), expected);
  },
  title: (_, text: string) => `duration ${text}`,
});

test(duration, '0', 0);
test(duration, '5s', 5e9);
test(duration, '1m30s', 90e9);
test(duration, '1h', 3600e9);
test(duration, '1.5s', 1.5e9);
test(duration, '.5s', 0.5e9);
test(duration, '1.s', 1e9);
test(duration, '10ms', 10e6);
test(duration, '3us', 3000);
test(duration, '3µs', 3000);
test(duration, '7ns', 7);
test(duration, '-2s', -2e9);
test(duration, '+2s', 2e9);

const noDuration = test.macro({
  exec(t, text: string) {
    t.throws(() => parseGoDuration(text), { instanceOf: TsbuildError, message: /invalid duration/ });
  },
  title: (_, text: string) => `no duration: ${JSON.stringify(text)}`,
});

for (const text of [
  '',
  '5',
  's',
  '1 s',
  '1x',
  '1e3s',
  '1e999s',
  '-',
  '.s',
  '5s ',
  '--5s',
  '999999999999h',
  'Inf',
]) {
  test(noDuration, text);
}

const ports = test.macro({
  exec(t, words: readonly string[], expected: readonly string[], hostParts?: boolean) {
    const parsed = parsePortSpecs(words);
    t.deepEqual(
      parsed.ports.map(({ port }) => port),
      [...expected],
    );
    t.is(parsed.hostParts, hostParts ?? false);
  },
  title: (rule = '', words: readonly string[]) => `EXPOSE ${words.join(' ')}: ${rule}`,
});

test('tcp unless told', ports, ['80'], ['80/tcp']);
test('protocols in lower case', ports, ['53/UDP', '9/sctp'], ['53/udp', '9/sctp']);
test('an empty protocol is tcp', ports, ['80/'], ['80/tcp']);
test('ranges', ports, ['8000-8002/udp'], ['8000/udp', '8001/udp', '8002/udp']);
test('host ports are dropped', ports, ['8080:80'], ['80/tcp'], true);
test('host addresses are dropped', ports, ['127.0.0.1:80:80'], ['80/tcp'], true);
test('host addresses are dropped', ports, ['[::1]:80:81'], ['81/tcp'], true);
test('an address without a port', ports, ['127.0.0.1::80'], ['80/tcp'], true);
test('host ranges', ports, ['8000-8001:80-81'], ['80/tcp', '81/tcp'], true);
test('duplicates count once', ports, ['80', '80/tcp', '80/udp'], ['80/tcp', '80/udp']);

const noPort = test.macro({
  exec(t, word: string) {
    t.throws(() => parsePortSpecs([word]), { instanceOf: TsbuildError, message: /invalid port/ });
  },
  title: (_, word: string) => `no port: ${JSON.stringify(word)}`,
});

for (const word of [
  '',
  'x',
  '80/icmp',
  '65536',
  '99999999',
  '-1',
  '80-',
  '90-80',
  '80.5',
  '1-3:1-2',
  ':',
  'a:80',
  '0x50',
  '8 0',
]) {
  test(noPort, word);
}

test('signals by number and by name', (t) => {
  for (const signal of [
    '1',
    '9',
    '64',
    '015',
    'SIGTERM',
    'TERM',
    'sigkill',
    'SIGRTMIN',
    'SIGRTMIN+15',
    'RTMAX-14',
  ]) {
    t.notThrows(() => checkStopSignal(signal), signal);
  }
});

test('signals that do not exist', (t) => {
  for (const signal of [
    '',
    '0',
    '65',
    '999',
    '-9',
    'SIG',
    'SIGFOO',
    'SIGRTMIN+16',
    'SIGRTMAX-15',
    'SIGRTMIN+0',
    '9x',
  ]) {
    t.throws(() => checkStopSignal(signal), { instanceOf: TsbuildError, message: /invalid signal/ }, signal);
  }
  t.is(
    t.throws(() => checkStopSignal('SIGTREM'), { instanceOf: TsbuildError })?.hint,
    'did you mean SIGTERM?',
  );
});

test('CSV fields', (t) => {
  t.deepEqual(parseCsv('a=b,c'), ['a=b', 'c']);
  t.deepEqual(parseCsv(''), ['']);
  t.deepEqual(parseCsv('a,'), ['a', '']);
  t.deepEqual(parseCsv('"a=b,c",d'), ['a=b,c', 'd']);
  t.deepEqual(parseCsv('"a=""b"""'), ['a="b"']);
  for (const text of ['a="b"', '"a', '"a"b', 'a,"']) {
    t.throws(() => parseCsv(text), { instanceOf: TsbuildError, message: /invalid quoting/ }, text);
  }
});

test('octal modes replace every bit', (t) => {
  t.is(parseChmod('755').octal, 0o755);
  t.is(parseChmod('755').apply(0o7777, true), 0o755);
  t.is(parseChmod('04755').apply(0, false), 0o4755);
  t.is(parseChmod('0').apply(0o777, false), 0);
  t.is(parseChmod('7777').octal, 0o7777);
  t.is(parseChmod('u=rw').octal, undefined);
});

test('what is no mode', (t) => {
  for (const text of [
    '',
    '8',
    '10000',
    '-1',
    '0x1',
    'u',
    'u+q',
    'rw',
    'u=rw,',
    ',u=r',
    'z+x',
    'u=rw go=r',
    'u=ug',
    '755 ',
  ]) {
    const error = t.throws(
      () => parseChmod(text),
      { instanceOf: TsbuildError, message: /invalid chmod/ },
      text,
    );
    t.is(error?.code, 'dockerfile');
  }
});

const symbolic = [
  'u=rwX,go=rX', 'a+x', '+x', '-w', '=r', 'u+s', 'g+s', 'ug+s', '+s', 'o+s', '+t', 'u+t', 'o+t', 'a=t', 'g=u', 'o=g', 'u=o',
  'g+u', 'o-u', 'u=rwx,g=rx,o=', 'go=', 'a=X', 'u-x+X', 'u=r+w', 'g-s', 'u=,g=u', 'ugo+X', '-x,+X', 'u=rws', 'a=rwxst', '=',
]; // prettier-ignore
const modes = [0o000, 0o644, 0o755, 0o600, 0o4711, 0o2750, 0o1777, 0o7777, 0o010];

const it = missingOf(['chmod']).length === 0 ? test : test.skip;

it('symbolic modes agree with chmod(1) under umask 0', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-chmod-'));
  const cases = symbolic.flatMap((text) =>
    modes.flatMap((mode) => [false, true].map((isDirectory) => ({ text, mode, isDirectory }))),
  );
  const commands = cases.map(({ text, mode, isDirectory }, index) => {
    const path = join(folder, String(index));
    if (isDirectory) mkdirSync(path);
    else writeFileSync(path, '');
    chmodSync(path, mode);
    return `chmod -- '${text}' ${path}`;
  });
  t.is(spawnSync('sh', { input: `umask 0\n${commands.join('\n')}` }).status, 0);
  for (const [index, { text, mode, isDirectory }] of cases.entries()) {
    const wanted = statSync(join(folder, String(index))).mode & 0o7777;
    const title = `${text} on ${isDirectory ? 'directory' : 'file'} ${mode.toString(8)}`;
    t.is(parseChmod(text).apply(mode, isDirectory).toString(8), wanted.toString(8), title);
  }
  rmSync(folder, { recursive: true });
});
