import test from 'ava';
import { canonicalArgs, type CanonicalArgs } from '../../src/cli/canonical-args.js';
import type { OptionTable } from '../../src/cli/option-table.js';
import type { PeerFlag } from '../../src/cli/peer-flags.js';
import { TsbuildError } from '../../src/util/errors.js';

const options = {
  tag: { kind: 'list', short: 't', describe: '' },
  file: { kind: 'text', short: 'f', describe: '' },
  quiet: { kind: 'flag', short: 'q', describe: '' },
  'no-cache': { kind: 'flag', describe: '' },
  pull: { kind: 'optional', implicit: 'always', describe: '' },
  color: { kind: 'text', choices: ['red', 'green'], describe: '' },
} as const satisfies OptionTable;

const peerFlags: readonly PeerFlag[] = [
  { name: '--rm', takes: 'nothing', verdict: 'ignored', say: 'nothing to remove' },
  { name: '--builder', takes: 'value', verdict: 'ignored', say: 'no builders' },
  { name: '--load', takes: 'nothing', verdict: 'planned', say: 'use -o' },
  { name: '--volume', short: '-v', takes: 'value', verdict: 'refused', say: 'copy it' },
];

function read(args: readonly string[]): CanonicalArgs {
  return canonicalArgs(args, { command: 'build', options, peerFlags });
}

const gives = test.macro({
  exec(t, args: string, wanted: readonly string[], positionals: readonly string[] = ['.']) {
    const result = read(args.split(' '));
    t.deepEqual([result.options, result.positionals], [wanted, positionals]);
  },
  title: (_, args) => `arguments: ${args}`,
});
test(gives, '.', []);
test(gives, '-t app .', ['--tag=app']);
test(gives, '-tapp .', ['--tag=app']);
test(gives, '-t=app .', ['--tag=app']);
test(gives, '--tag app .', ['--tag=app']);
test(gives, '--tag=app .', ['--tag=app']);
test(gives, '. -t app', ['--tag=app']);
test(gives, '-t a -t b .', ['--tag=a', '--tag=b']);
test(gives, '-qt app .', ['--quiet=true', '--tag=app']);
test(gives, '-qtapp .', ['--quiet=true', '--tag=app']);
test(gives, '-q=false .', ['--quiet=false']);
test(gives, '-f - .', ['--file=-']);
test(gives, '-f -x .', ['--file=-x']);
test(gives, '--file --quiet .', ['--file=--quiet']);
test(gives, '--file= .', ['--file=']);
test(gives, '--file=a=b .', ['--file=a=b']);
test(gives, '--no-cache .', ['--no-cache=true']);
test(gives, '--no-cache=0 .', ['--no-cache=false']);
test(gives, '--pull .', ['--pull=always']);
test(gives, '--pull=never .', ['--pull=never']);
test(gives, '-', [], ['-']);
test(gives, '-q -- -t', ['--quiet=true'], ['-t']);
test(gives, '--color red .', ['--color=red']);

const refuses = test.macro({
  exec(t, args: string, code: string, message: string, hint: string | undefined) {
    const error = t.throws(() => read(args.split(' ')), { instanceOf: TsbuildError });
    t.deepEqual([error?.code, error?.message, error?.hint], [code, message, hint]);
  },
  title: (_, args) => `wrong arguments: ${args}`,
});
const help = 'tsbuild build --help lists the options';
test(refuses, '--tagg x .', 'usage', 'unknown option --tagg', 'did you mean --tag?');
test(refuses, '--zzz .', 'usage', 'unknown option --zzz', help);
test(refuses, '-z .', 'usage', 'unknown option -z', help);
test(refuses, '-qz .', 'usage', 'unknown option -z', help);
test(refuses, '--__proto__ .', 'usage', 'unknown option --__proto__', help);
test(refuses, '--constructor=1 .', 'usage', 'unknown option --constructor', help);
test(refuses, '. --tag', 'usage', '--tag needs a value', help);
test(refuses, '. -t', 'usage', '--tag needs a value', help);
test(refuses, '--quiet=maybe .', 'usage', '--quiet is true or false, not "maybe"', undefined);
test(refuses, '--color rod .', 'usage', '--color does not know "rod"', 'did you mean red?');
test(refuses, '--color blue .', 'usage', '--color does not know "blue"', 'it takes red, green');
test(refuses, '--load .', 'unsupported', '--load is not supported yet', 'use -o');
test(refuses, '--volume=x .', 'unsupported', '--volume is not supported', 'copy it');
test(refuses, '-v x .', 'unsupported', '-v is not supported', 'copy it');

test('ignored flags of others warn and take their values with them', (t) => {
  const result = read(['--rm', '--builder', 'mine', '--builder=mine', '--rm=false', '.']);
  t.deepEqual(result.positionals, ['.']);
  t.deepEqual(result.options, []);
  t.deepEqual(result.warnings, [
    '--rm is ignored: nothing to remove',
    '--builder is ignored: no builders',
    '--builder is ignored: no builders',
    '--rm is ignored: nothing to remove',
  ]);
});

test('help is asked for by an option only, not by a value', (t) => {
  t.true(read(['-q', '--help']).help);
  t.true(read(['-h']).help);
  t.false(read(['-f', '-h', '.']).help);
  t.false(read(['--', '--help']).help);
});

test('an unknown option is shown without its control characters', (t) => {
  t.throws(() => read(['--a\u001b[2J']), { message: 'unknown option --a\\u001b[2J' });
});
