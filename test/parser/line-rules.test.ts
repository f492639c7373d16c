/** Files, lines and directives: what is an instruction, and where it ends. */
import test from 'ava';
import { errorsIn, means, parsed, reads, refused } from '../helpers/parsed.js';

test('a byte order mark is stripped from the first line', reads, '\ufeffFROM scratch\nENV A=1', 'ENV A=1');
test('a byte order mark elsewhere is text', refused, 'FROM scratch\n\ufeffENV A=1', /unknown instruction/, 2);
test('CRLF ends lines', reads, 'FROM scratch\r\nENV A=1 \\\r\n  B=2\r\n', 'ENV A=1   B=2');
test('carriage returns before a line feed are trimmed', reads, 'ENV A=1\r\r\n', 'ENV A=1');
test('a lone carriage return is white space', means, 'ENV A=a\rB=2', {
  pairs: [
    { key: 'A', value: 'a' },
    { key: 'B', value: '2' },
  ],
});
test('a file of lone carriage returns is one line', (t) => {
  t.regex(errorsIn('FROM scratch\rENV A=1')[0]?.message ?? '', /FROM requires either one or three/);
});

test('the whole file may have 1 MiB', (t) => {
  const rest = '\n'.repeat(1024 * 1024 - 'FROM scratch'.length);
  t.deepEqual(errorsIn(`FROM scratch${rest}`), []);
  t.is(errorsIn(`FROM scratch${rest}\n`)[0]?.message, 'the Dockerfile is larger than 1048576 characters');
});
test('a line may be longer than 64 KiB', (t) => {
  t.deepEqual(errorsIn(`FROM scratch\nENV A=${'x'.repeat(70_000)}`), []);
});

const alone = test.macro({
  exec(t, text: string, message: RegExp) {
    const [first, ...more] = errorsIn(text);
    t.regex(first?.message ?? '', message);
    t.deepEqual(more, []);
  },
  title: (rule = '', text: string) => `${rule}: ${JSON.stringify(text)}`,
});
test('an empty file', alone, '', /^the Dockerfile cannot be empty$/);
test('only blank lines', alone, '  \n\n', /^file with no instructions$/);
test('only comments', alone, '# a\n# b\n', /^file with no instructions$/);
test('only directives', alone, '# escape=`\n', /^file with no instructions$/);
test('only ARGs', alone, 'ARG A=1\n', /^dockerfile contains no stages to build$/);
test(
  'an instruction other than ARG before FROM',
  alone,
  'ENV A=1\nFROM scratch',
  /^no build stage in current context/,
);
test('ARG may stand before FROM', reads, 'ARG A=1\nFROM scratch\nENV B=2', 'ENV B=2');

test(
  'a comment begins with the first character that is not blank',
  reads,
  '  # x\n\t# y\nENV A=1',
  'ENV A=1',
);
test('a hash behind it is text', reads, 'RUN A=1 # B=2', 'RUN A=1 # B=2');
test(
  'comments inside a continuation are removed, also indented',
  reads,
  'ENV A=1 \\\n# c\n  # d\n B=2',
  'ENV A=1  B=2',
);
test('a comment cannot be continued', reads, '# x \\\nENV A=1', 'ENV A=1');
test('nor one inside a continuation', reads, 'ENV A=1 \\\n# c \\\n B=2', 'ENV A=1  B=2');
test(
  'an indented comment behind a blank line of a continuation',
  reads,
  'RUN a && \\\n\n      # c\n  b',
  'RUN a &&   b',
);
test('a continuation that ends in a comment', reads, 'ENV A=1 \\\n# last', 'ENV A=1');
test('blank lines inside a continuation are passed over and warned of', (t) => {
  const { diagnostics } = parsed('FROM scratch\nENV A=1 \\\n\n \t\n B=2');
  t.deepEqual(
    diagnostics.map(({ rule, range }) => [rule, range.startLine]),
    [
      ['NoEmptyContinuation', 3],
      ['NoEmptyContinuation', 4],
    ],
  );
});

test('blanks before an instruction are stripped', reads, ' \t\f\v ENV A=1', 'ENV A=1');
test('blanks that begin a continuation line are kept', reads, 'LABEL a="x\\\n   y"', 'LABEL a="x   y"');
test('blanks before the escape are kept', reads, 'RUN a  \\\nb', 'RUN a  b');
test('blanks may follow the escape', reads, 'ENV A=1 \\ \t\n B=2', 'ENV A=1  B=2');
test('other white space may not', reads, 'RUN a \\\u00a0\nRUN b', 'RUN a \\', 'RUN b');
test('two escapes do not continue', reads, 'ENV A=1\\\\\nENV B=2', 'ENV A=1\\\\', 'ENV B=2');
test('three escapes do not continue either', reads, 'ENV A=1\\\\\\\nENV B=2', 'ENV A=1\\\\\\', 'ENV B=2');
test('an escape alone on its line continues', reads, 'ENV A=1 \\\n \\ \nB=2', 'ENV A=1  B=2');
test('an escape alone may come first', reads, '\\\nENV B=2', 'ENV B=2');
test('an escape may end the file', reads, 'ENV A=1 \\', 'ENV A=1');
test('lines are joined without a separator', reads, 'EN\\\nV A=a\\\nb', 'ENV A=ab');

test('keywords in any case', reads, 'eNv A=1', 'eNv A=1');
test('blanks and tabs may follow the keyword', reads, 'ENV\tA=1', 'ENV\tA=1');
test('a no-break space does not', refused, 'ENV\u00a0A=1', /unknown instruction/);
test(
  'an unknown instruction, as written, with the nearest one',
  refused,
  'rnu x',
  /^unknown instruction: rnu \(did you mean RUN\?\)$/,
  2,
);
test(
  'an unknown instruction that is near none',
  refused,
  'apt-get install x',
  /^unknown instruction: apt-get \(write RUN before a command\)$/,
);

const escaped = test.macro({
  exec(t, top: string, escape: '\\' | '`') {
    t.is(parsed(`${top}\nFROM scratch`).directives.escape, escape);
  },
  title: (rule = '', top: string) => `directives, ${rule}: ${JSON.stringify(top)}`,
});
test('blanks around each part', escaped, '#\tescape \t=\t ` ', '`');
test('blanks before the hash', escaped, '  # escape=`', '`');
test('names in any case', escaped, '# EsCape=`', '`');
test('several', escaped, '# syntax=x\n# check=skip=all\n# escape=`', '`');
test('a blank line ends them', escaped, '\n# escape=`', '\\');
test('a comment ends them', escaped, '# hello\n# escape=`', '\\');
test('an instruction ends them', escaped, 'ARG A\n# escape=`', '\\');
test('an unknown name ends them', escaped, '# foo=bar\n# escape=`', '\\');
test('a name with digits ends them', escaped, '# esc4pe=`\n# escape=`', '\\');
test('a name with a dash ends them', escaped, '# es-cape=`\n# escape=`', '\\');
test('a name without a value ends them', escaped, '# escape=\n# escape=`', '\\');
test('// is no directive', refused, '// syntax=x\nFROM scratch', /unknown instruction: "\/\/"/, 1);

for (const name of ['syntax', 'escape', 'check']) {
  const value = name === 'escape' ? '`' : 'skip=A';
  test(
    'directives, a name twice',
    refused,
    `# ${name}=${value}\n# ${name}=${value}\nFROM a`,
    new RegExp(`^only one ${name} parser directive can be used`),
    2,
  );
}
test('directives, an escape that is neither', refused, '# escape=x\nFROM a', /^invalid escape token "x"/, 1);
test('directives, an escape of two characters', refused, '# escape=``\nFROM a', /^invalid escape token/, 1);

const backtick = (text: string) => `# escape=\`\nFROM scratch\n${text}`;
test('escape=` continues lines', reads, backtick('ENV A=1 `\n B=2'), 'ENV A=1  B=2');
test('escape=`: a backslash does not continue', reads, backtick('RUN a\\\nRUN b'), 'RUN a\\', 'RUN b');
test('escape=` in flags', means, backtick('COPY --chown=a` b x /'), { chown: 'a b' });
test('escape=` in flags: a backslash is text', means, backtick('COPY --chown=a\\b x /'), { chown: 'a\\b' });
test('escape=` in words of ENV', means, backtick('ENV A=a` b B=c\\ D=e'), {
  pairs: [{ key: 'A', value: 'a` b' }, { key: 'B', value: 'c\\' }, { key: 'D', value: 'e' }],
}); // prettier-ignore
test('escape=`: the delimiter of a heredoc has backslashes', means, backtick('COPY <<E\\F /x\na\nEF\n'), {
  heredocs: [{ name: 'EF', content: 'a\n' }],
});

test(
  'check options: parts are separated by semicolons',
  reads,
  '# check=skip=A,B;error=true;experimental=all\nFROM a\nRUN b',
  'RUN b',
);
test('check options: an unknown one', refused, '# check=foo=1\nFROM a', /^unknown check option "foo"/, 1);
test(
  'check options: names have a case',
  refused,
  '# check=SKIP=A\nFROM a',
  /^unknown check option "SKIP"/,
  1,
);
test(
  'check options: one without a value',
  refused,
  '# check=skip\nFROM a',
  /^check option skip needs a value/,
  1,
);
test(
  'check options: one twice',
  refused,
  '# check=skip=A;error=false;experimental=B;skip=C\nFROM a',
  /^check option skip is given twice/,
  1,
);
test('check options: an empty part', refused, '# check=skip=A;\nFROM a', /^unknown check option ""/, 1);

test(
  'a line that lacks the escape above',
  refused,
  'ENV A=1 \\\n  B=2\n  C=3',
  /^unknown instruction: "C=3" \(if this continues the line above, end that one with a backslash/,
  4,
);
test(
  'what a merge left',
  refused,
  '<<<<<<< HEAD\nFROM a',
  /^unknown instruction: "<<<<<<<" \(a merge left its conflict here/,
  1,
);
test(
  'invisible characters are named',
  refused,
  '\u200bENV A=1',
  /^unknown instruction: "U\+200BENV" \(U\+200B looks like a blank or like nothing/,
);
test('a mistyped FROM begins a stage', (t) => {
  t.deepEqual(
    errorsIn('FORM a\nRUN x').map(({ message }) => message),
    ['unknown instruction: FORM'],
  );
});
