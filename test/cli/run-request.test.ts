import test from 'ava';
import { run } from '../../src/cli/commands/run.js';
import { parseArgs } from '../../src/cli/parse-args.js';
import { runOptions, runRequest, volumeMount, type RunRequest } from '../../src/cli/run-request.js';

function parse(...args: readonly string[]): RunRequest {
  const parsed = parseArgs({ ...run, options: runOptions, run: () => Promise.resolve(0) }, args);
  if (parsed === 'help') throw new Error('help');
  return runRequest(parsed.positionals, parsed.options, { KNOWN: 'k' });
}

test('what follows the image is its command, options and all', (t) => {
  const { image, command, tty, interactive } = parse('--rm', '-it', 'app', 'ls', '-l', '--rm', '--', 'x');
  t.deepEqual([image, tty, interactive], ['app', true, true]);
  t.deepEqual(command, ['ls', '-l', '--rm', '--', 'x']);
});

test('variables without a value come from the environment, or not at all', (t) => {
  t.deepEqual(parse('-e', 'A=1=2', '-e', 'KNOWN', '-e', 'UNKNOWN', 'app').env, ['A=1=2', 'KNOWN=k']);
});

test('an empty entry point takes the image’s away', (t) => {
  t.deepEqual(parse('--entrypoint', '', 'app').entrypoint, []);
  t.deepEqual(parse('--entrypoint=sh', 'app').entrypoint, ['sh']);
  t.is(parse('app').entrypoint, undefined);
});

for (const port of ['8080', '8080:8080', '127.0.0.1:80:80/tcp']) {
  test(`-p ${port} changes nothing and is accepted`, (t) => t.is(parse('-p', port, 'app').network, 'host'));
}
for (const [args, code] of [
  [['-d'], 'unsupported'],
  [['-p', '8080:80'], 'unsupported'],
  [['-p', '80', '--network', 'none'], 'unsupported'],
  [['-p', 'x'], 'usage'],
  [['-v', 'data:/data'], 'unsupported'],
  [['-v', '/data'], 'usage'],
  [['-v', '/a:/b:z'], 'usage'],
  [['-e', '=x'], 'usage'],
  [['-w', 'relative'], 'usage'],
  [['--network', 'bridge'], 'usage'],
] as const) {
  test(`${args.join(' ')} is refused`, (t) => void t.throws(() => parse(...args, 'app'), { code }));
}

test('a folder is shown as it is; a file only read-only', (t) => {
  const volume = { source: '/a', target: '/b', readonly: false };
  t.is(volumeMount(volume, { path: '/a', isDirectory: true }).kind, 'cache');
  t.is(volumeMount({ ...volume, readonly: true }, { path: '/a', isDirectory: false }).kind, 'bind');
  t.throws(() => volumeMount(volume, { path: '/a', isDirectory: false }), { code: 'unsupported' });
});
