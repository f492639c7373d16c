import test from 'ava';
import { assertBuildable, DockerfileError } from '../../src/parser/assert-buildable.js';
import { locate } from '../../src/parser/ast.js';
import { parseDockerfile as parseText } from '../../src/parser/parse.js';
import type { Source } from '../../src/util/source.js';
import { runScript } from '../../src/parser/run-script.js';
import { parseTrigger } from '../../src/parser/trigger.js';
import type { Dockerfile, RunInstruction, StageInstruction } from '../../src/parser/types.js';
import { TsbuildError } from '../../src/util/errors.js';

/** With narrowed ranges, as the command line parses. */
const parseDockerfile = (source: Source) => parseText(source, locate);

function parse(text: string): Dockerfile {
  return parseDockerfile({ name: 'Dockerfile', text });
}

function errorsOf(text: string): string[] {
  return parse(text).diagnostics.flatMap(({ severity, message, range }) =>
    severity === 'error' ? [`${range.startLine}: ${message}`] : [],
  );
}

/** The instructions below a FROM that the text does not hold itself. */
function instructions(text: string, top = ''): readonly StageInstruction[] {
  const dockerfile = parse(`${top}FROM scratch\n${text}`);
  assertBuildable(dockerfile);
  return dockerfile.stages[0]?.instructions ?? [];
}

function run(text: string): RunInstruction {
  const [instruction] = instructions(text);
  if (instruction?.kind !== 'RUN') throw new Error('no RUN');
  return instruction;
}

const joins = test.macro({
  exec(t, text: string, expected: string) {
    const { command } = run(text);
    t.is(command.form === 'shell' ? command.text : command.argv.join('|'), expected);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});

test('continuations join without a separator', joins, 'RUN a\\\nb', 'ab');
test('blanks of continuation lines are kept', joins, 'RUN a \\\n   b', 'a    b');
test('blanks may follow the escape', joins, 'RUN a \\ \t\nb', 'a b');
test('a doubled escape does not continue', joins, 'RUN a\\\\', 'a\\\\');
test('a tripled escape does not continue', joins, 'RUN a\\\\\\', 'a\\\\\\');
test('an escape alone on its line continues', joins, 'RUN a \\\n\\\nb', 'a b');
test('an escape may end the file', joins, 'RUN a \\', 'a');
test('CRLF', joins, 'RUN a \\\r\n  b\r\n', 'a   b');
test('comments inside a continuation vanish', joins, 'RUN a \\\n# x\n  # y \\\n b', 'a  b');
test('blank lines inside a continuation vanish', joins, 'RUN a \\\n\n b', 'a  b');
test('a hash later in the line is text', joins, 'RUN a # b', 'a # b');
test('leading blanks of an instruction', joins, ' \t RUN  a', 'a');
test('JSON becomes a vector', joins, 'RUN ["a", "b c"]', 'a|b c');
test('JSON escapes', joins, 'RUN ["a\\tb\\u0041\\/"]', 'a\tbA/');
test('JSON over several lines', joins, 'RUN [ \\\n "a", \\\n "b" ]', 'a|b');
test('single quotes are no JSON', joins, "RUN ['a']", "['a']");
test('text behind the array is no JSON', joins, 'RUN []random', '[]random');
test('a trailing comma is no JSON', joins, 'RUN ["a",]', '["a",]');
test('lone surrogates become U+FFFD', joins, 'RUN ["\\ud800"]', '\ufffd');
test('two dashes end the flags', joins, 'RUN -- --x', '--x');
test('keywords in any case', joins, 'rUn a', 'a');

test('the escape directive governs continuations and words', (t) => {
  const [copy, env] = instructions('COPY a\\b `\n c\\\nENV A=a` b', '# escape=`\n');
  t.like(copy, { kind: 'COPY', sources: ['a\\b'], destination: 'c\\' });
  t.like(env, { kind: 'ENV', pairs: [{ key: 'A', value: 'a` b' }] });
});

const directives = test.macro({
  exec(t, text: string, expected: Partial<Dockerfile['directives']>) {
    const found = parse(text).directives;
    t.deepEqual(found, { syntax: undefined, escape: '\\', check: undefined, ...expected });
  },
  title: (rule = '', text: string) => `directives, ${rule}: ${JSON.stringify(text)}`,
});

test('all three', directives, '# syntax=a/b:1\n#escape=`\n#  Check = skip=X;error=true \nFROM a', {
  syntax: 'a/b:1',
  escape: '`',
  check: 'skip=X;error=true',
});
test('names in any case', directives, '#SYNTAX=x\n#Escape=`', { syntax: 'x', escape: '`' });
test('an unknown name ends them', directives, '#foo=bar\n#escape=`', {});
test('a comment ends them', directives, '# hello\n#escape=`', {});
test('a blank line ends them', directives, '\n#escape=`', {});
test('an instruction ends them', directives, 'FROM x\n#escape=`', {});
test('a byte order mark', directives, '\ufeff#escape=`', { escape: '`' });
test('CRLF', directives, '#escape=`\r\nFROM x', { escape: '`' });
test('a #! line is passed over', directives, '#!/usr/bin/env docker\n#syntax=x', { syntax: 'x' });
test('behind a #! line escape is a comment', directives, '#!/x\n#escape=`\n#check=skip=all', {
  check: 'skip=all',
});

test('comments above an instruction', (t) => {
  const dockerfile = parse(
    '# syntax=x\n# one\n#\n# two\n\n#three\nFROM a\n# four\nRUN a \\\n# inside\nb\nRUN c',
  );
  const [stage] = dockerfile.stages;
  t.deepEqual(stage?.from.comments, ['two', 'three']);
  t.deepEqual(
    stage?.instructions.map(({ comments }) => comments),
    [['four'], []],
  );
});

test('ranges span continuations and heredocs', (t) => {
  const { stages } = parse('FROM a\n  RUN x \\\n  y\nRUN <<E\nb\nE\n');
  t.deepEqual(
    stages[0]?.instructions.map(({ range }) => range),
    [
      { startLine: 2, startColumn: 2, endLine: 3, endColumn: 3 },
      { startLine: 4, startColumn: 0, endLine: 6, endColumn: 1 },
    ],
  );
  t.deepEqual(stages[0]?.range, { startLine: 1, startColumn: 0, endLine: 6, endColumn: 1 });
});

const heredoc = test.macro({
  exec(t, text: string, expected: readonly (readonly [name: string, content: string, marks?: string])[]) {
    const found = run(text).heredocs.map(({ name, content, expand, chomp, fd }) => [
      name,
      content,
      `${expand ? '$' : ''}${chomp ? '-' : ''}${fd === 0 ? '' : fd}`,
    ]);
    t.deepEqual(
      found,
      expected.map(([name, content, marks = '$']) => [name, content, marks]),
    );
  },
  title: (rule = '', text: string) => `heredoc, ${rule}: ${JSON.stringify(text)}`,
});

test('a body', heredoc, 'RUN <<E\na\nb\nE', [['E', 'a\nb\n']]);
test('an empty body', heredoc, 'RUN <<E\nE', [['E', '']]);
test('several in order', heredoc, 'RUN x <<A <<B\nB\nA\nA\nB', [['A', 'B\n'], ['B', 'A\n']]); // prettier-ignore
test('comments, blanks and escapes are body', heredoc, 'RUN <<E\n# c\n\n a \\\nE', [['E', '# c\n\n a \\\n']]);
test('quoted delimiters do not expand', heredoc, "RUN <<'E'\nE", [['E', '', '']]);
test('quoted delimiters do not expand', heredoc, 'RUN <<"E"\nE', [['E', '', '']]);
test('quoted delimiters do not expand', heredoc, 'RUN <<E"O"F\nEOF', [['EOF', '', '']]);
test('an escaped quote is no quote', heredoc, "RUN <<E\\'F\nE'F", [["E'F", '']]);
test('a delimiter with blanks', heredoc, 'RUN <<"a b"\nx\na b', [['a b', 'x\n', '']]);
test('tabs before the delimiter', heredoc, 'RUN <<-E\n\ta\n\t\tE', [['E', '\ta\n', '$-']]);
test('tabs do not count without the dash', heredoc, 'RUN <<E\n\tE\nE', [['E', '\tE\n']]);
test('blanks before the delimiter do not count', heredoc, 'RUN <<-E\n E\nE', [['E', ' E\n', '$-']]);
test('blanks behind the arrows', heredoc, 'RUN cat <<  E\nx\nE', [['E', 'x\n']]);
test('a file descriptor', heredoc, 'RUN 3<<E cat\nx\nE', [['E', 'x\n', '$3']]);
test('a delimiter like a variable', heredoc, 'RUN <<$E\nx\n$E', [['$E', 'x\n']]);
test('CRLF', heredoc, 'RUN <<E\r\nx\r\nE\r\n', [['E', 'x\r\n']]);
test('after a continuation', heredoc, 'RUN a \\\n <<E\nx\nE', [['E', 'x\n']]);
test('here strings', heredoc, 'RUN cat <<<E', []);
test('quoted arrows', heredoc, 'RUN echo "<<E"', []);
test('arithmetic', heredoc, 'RUN echo $((1<<2)) $(( 1 << 2 ))', []);
test('escaped arrows', heredoc, 'RUN echo \\<<E', []);
test('unbalanced quotes announce nothing', heredoc, "RUN echo it's <<E", []);
test('inside braces', heredoc, 'RUN echo ${A:-<<E}', []);
test('the JSON form has none', heredoc, 'RUN ["<<E"]', []);
test('inside nested braces', heredoc, 'RUN echo ${A:-${B:-<<E}\\}} <<F\nF', [['F', '']]);
test('unclosed braces announce nothing', heredoc, 'RUN echo ${A <<E', []);
test('escapes inside a quoted delimiter', heredoc, 'RUN <<"a\\"\\b"\na"\\b', [['a"\\b', '', '']]);
test('arrows without a word', heredoc, 'RUN a << ', []);

test('heredocs of COPY are sources of their own', (t) => {
  const [copy] = instructions('COPY --chmod=755 <<A b <<"C" /d/\n1\nA\n2\nC');
  t.like(copy, { kind: 'COPY', sources: ['b'], destination: '/d/', chmod: '755' });
  t.deepEqual(copy?.kind === 'COPY' ? copy.heredocs.map(({ name, content }) => [name, content]) : [], [
    ['A', '1\n'],
    ['C', '2\n'],
  ]);
});

test('what a RUN gives to its shell', (t) => {
  t.deepEqual(runScript(run('RUN a b')), { kind: 'line', text: 'a b' });
  t.deepEqual(runScript(run('RUN ["a"]')), { kind: 'exec', argv: ['a'] });
  t.deepEqual(runScript(run('RUN <<E\na\nb\nE')), { kind: 'line', text: 'a\nb\n' });
  t.deepEqual(runScript(run('RUN <<-E\n\ta\n\tE')), { kind: 'line', text: 'a\n' });
  t.deepEqual(runScript(run('RUN <<E\n#!/usr/bin/env python3\nx\nE')), {
    kind: 'file',
    name: 'E',
    text: '#!/usr/bin/env python3\nx\n',
  });
  t.deepEqual(runScript(run("RUN cat <<-'E' > x\n\ta\n\tE")), {
    kind: 'line',
    text: "cat <<-'E' > x\n\ta\nE",
  });
});

test('an ONBUILD trigger keeps its heredocs and parses again', (t) => {
  const [onbuild] = instructions('ONBUILD run cat <<A <<-B\n1\nA\n\t2\n\tB');
  if (onbuild?.kind !== 'ONBUILD') return t.fail();
  t.is(onbuild.trigger, 'run cat <<A <<-B\n1\nA\n\t2\nB');
  const again = parseTrigger(onbuild.trigger);
  t.like(again, { kind: 'RUN', heredocs: [{ content: '1\n' }, { content: '\t2\n' }] });
  t.deepEqual(
    onbuild.instruction.kind === 'RUN' ? onbuild.instruction.heredocs : [],
    again.kind === 'RUN' ? again.heredocs : [],
  );
});

test('a trigger of a foreign image is checked', (t) => {
  for (const text of [
    '',
    'FROM x',
    'ONBUILD RUN x',
    'onbuild run x',
    'MAINTAINER x',
    'RUN a\nRUN b',
    'XX',
    'RUN --bad=1 x',
    'RUN <<E\n',
    'COPY a',
  ]) {
    t.is(t.throws(() => parseTrigger(text), { instanceOf: TsbuildError }, text)?.code, 'dockerfile');
  }
});

test('instructions as values', (t) => {
  const parsed = instructions(
    [
      'ARG a b=1 c="x y"',
      'ENV A=1 B="2 3" C=4\\ 5',
      'ENV OLD a "b"  c',
      'LABEL "k 1"=v',
      'EXPOSE 80 $P',
      'VOLUME /a /b',
      'VOLUME ["/c d"]',
      'USER  me:us ',
      'WORKDIR /a b',
      'STOPSIGNAL SIGINT',
      'SHELL ["/bin/bash", "-c"]',
      'CMD []',
      'HEALTHCHECK NONE',
      'HEALTHCHECK --interval=1m --retries=3 --start-interval=2s cmd ["a"]',
      'COPY ["a b", "c"]',
      'ADD --keep-git-dir --checksum=sha256:x --unpack=false http://a/b /c',
      'COPY --from=0 --link --parents --exclude=*.a --exclude=b --chown=1:2 x y z',
    ].join('\n'),
  );
  const values = parsed.map((instruction) => {
    const { range, text, comments, ...rest } = instruction;
    t.is(range.startLine > 1 && text !== '' && comments.length === 0, true);
    return JSON.parse(JSON.stringify(rest)) as unknown;
  });
  t.deepEqual(values, [
    { kind: 'ARG', args: [{ name: 'a' }, { name: 'b', value: '1' }, { name: 'c', value: '"x y"' }] },
    { kind: 'ENV', pairs: [{ key: 'A', value: '1' }, { key: 'B', value: '"2 3"' }, { key: 'C', value: '4\\ 5' }] },
    { kind: 'ENV', pairs: [{ key: 'OLD', value: 'a "b"  c' }] },
    { kind: 'LABEL', pairs: [{ key: '"k 1"', value: 'v' }] },
    { kind: 'EXPOSE', words: ['80', '$P'] },
    { kind: 'VOLUME', words: ['/a', '/b'] },
    { kind: 'VOLUME', words: ['/c d'] },
    { kind: 'USER', word: 'me:us' },
    { kind: 'WORKDIR', word: '/a b' },
    { kind: 'STOPSIGNAL', word: 'SIGINT' },
    { kind: 'SHELL', argv: ['/bin/bash', '-c'] },
    { kind: 'CMD', command: { form: 'exec', argv: [] } },
    { kind: 'HEALTHCHECK', test: 'NONE' },
    { kind: 'HEALTHCHECK', test: { form: 'exec', argv: ['a'] }, interval: 60e9, startInterval: 2e9, retries: 3 },
    { kind: 'COPY', sources: ['a b'], heredocs: [], destination: 'c', link: false, exclude: [], parents: false },
    {
      kind: 'ADD', sources: ['http://a/b'], heredocs: [], destination: '/c', link: false, exclude: [],
      checksum: 'sha256:x', keepGitDir: true, unpack: false,
    },
    {
      kind: 'COPY', sources: ['x', 'y'], heredocs: [], destination: 'z', chown: '1:2', link: true,
      exclude: ['*.a', 'b'], from: '0', parents: true,
    },
  ]); // prettier-ignore
});

test('stages and global arguments', (t) => {
  const { stages, globalArgs } = parse('ARG V=1\nFROM --platform=$P a:$V AS Base\nRUN x\nFROM base\nARG V');
  t.deepEqual(
    globalArgs.map(({ args }) => args),
    [[{ name: 'V', value: '1' }]],
  );
  t.like(stages[0]?.from, { image: 'a:$V', platform: '$P', as: 'base' });
  t.is(stages[0]?.index, 0);
  t.like(stages[1]?.from, { image: 'base', as: undefined });
  t.is(stages[1]?.instructions.length, 1);
});

test('all errors are reported at once, in order, with their lines', (t) => {
  t.deepEqual(errorsOf('FROM a AS 1x\nRUN x\nRNU y\nCOPY a\nENV =x\nFROM b\nEXPOSE\n'), [
    '1: invalid name for build stage: "1x"',
    '3: unknown instruction: RNU',
    '4: COPY requires at least two arguments: sources and a destination',
    '5: ENV names can not be blank',
    '7: EXPOSE requires at least one argument',
  ]);
});

test('an error points at the guilty part', (t) => {
  const [unknown, flag] = parse('FROM a\n  RNU x\nCOPY --chown=1 \\\n  --lnk a b').diagnostics;
  t.like(unknown?.range, { startLine: 2, startColumn: 2, endLine: 2, endColumn: 5 });
  t.is(unknown?.hint, 'did you mean RUN?');
  t.like(flag?.range, { startLine: 4, startColumn: 2, endLine: 4, endColumn: 7 });
  t.is(flag?.hint, 'did you mean --link?');
});

test('assertBuildable throws the first error and tells how many follow', (t) => {
  const dockerfile = parse('FROM a\nXX\nYY\nZZ');
  const error = t.throws(() => assertBuildable(dockerfile), { instanceOf: DockerfileError });
  t.is(error?.message, 'unknown instruction: XX');
  t.deepEqual(
    error?.others.map(({ message, range: { startLine } = { startLine: 0 } }) => `${startLine}: ${message}`),
    ['3: unknown instruction: YY', '4: unknown instruction: ZZ'],
  );
  t.is(error?.code, 'dockerfile');
  t.is(error?.range?.startLine, 2);
  t.is(error?.source, dockerfile.source);
  t.is(error?.diagnostics.length, 3);
  t.notThrows(() => assertBuildable(parse('FROM a')));
});

test('warnings do not prevent a build', (t) => {
  const dockerfile = parse('FROM a\nRUN a \\\n\n b');
  t.deepEqual(
    dockerfile.diagnostics.map(({ rule, range }) => [rule, range.startLine]),
    [['NoEmptyContinuation', 3]],
  );
  t.notThrows(() => assertBuildable(dockerfile));
});

test('sizes are bounded', (t) => {
  t.deepEqual(errorsOf(`FROM a\n#${'x'.repeat(1024 * 1024)}`), [
    '1: the Dockerfile is larger than 1048576 characters',
  ]);
  t.deepEqual(errorsOf(`FROM a\nRUN ${'x'.repeat(1024 * 1000)}`), []);
  t.deepEqual(errorsOf('FROM a\nRUN a\0b'), ['2: the Dockerfile contains a NUL character']);
});

test('an argument cannot hold NUL', (t) => {
  t.deepEqual(errorsOf('FROM a\nCMD ["\\u0000"]'), ['2: an argument cannot hold a NUL character']);
});

test('a JSON array of other things takes no heredoc', (t) => {
  t.deepEqual(errorsOf('FROM a\nRUN [1, "<<E"]\nRUN x'), [
    '2: when using JSON array syntax, arrays must be comprised of strings only',
  ]);
});

test('names of object members are plain names', (t) => {
  const parsed = instructions('ENV __proto__=a toString=b\nARG constructor=c\nLABEL hasOwnProperty=d');
  t.is(parsed.length, 3);
  t.deepEqual(
    errorsOf('FROM a\nconstructor x\n__proto__ y\nRUN --__proto__=1 x\nRUN --toString x').length,
    4,
  );
});
