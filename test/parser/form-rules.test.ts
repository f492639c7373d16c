/** Arguments: JSON and shell forms, words, pairs, and the heredocs that a line announces. */
import test from 'ava';
import { lint } from '../../src/parser/lint/lint.js';
import { errorsIn, means, parsed, refused } from '../helpers/parsed.js';

const exec = (...argv: readonly string[]) => ({ form: 'exec', argv });
const shell = (text: string) => ({ form: 'shell', text });

for (const keyword of ['RUN', 'CMD', 'ENTRYPOINT']) {
  test('a JSON array of strings is an argument vector', means, `${keyword} ["a b", "c"]`, {
    command: exec('a b', 'c'),
  });
  test('blanks may surround the array', means, `${keyword}   [ "a" ,\t"b" ]  `, { command: exec('a', 'b') });
}
test('HEALTHCHECK CMD takes JSON', means, 'HEALTHCHECK CMD ["a", "b"]', { test: exec('a', 'b') });
test('SHELL takes JSON', means, 'SHELL ["a", "-c"]', { argv: ['a', '-c'] });
test('VOLUME takes JSON', means, 'VOLUME ["/a", "/b c"]', { words: ['/a', '/b c'] });
test('COPY takes JSON', means, 'COPY ["a b", "/c d"]', { sources: ['a b'], destination: '/c d' });
test('ADD takes JSON', means, 'ADD ["a b", "/c d"]', { sources: ['a b'], destination: '/c d' });
test('escapes of JSON', means, 'CMD ["b\\tc\\u0041\\/\\"\\\\"]', { command: exec('b\tcA/"\\') });
test('JSON over several lines', means, 'CMD [ \\\n "a", \\\n# c\n "b" ]', { command: exec('a', 'b') });
test('pairs of surrogates', means, 'CMD ["\\ud83d\\ude00"]', { command: exec('\u{1f600}') });

const nearly: readonly string[] = [
  "['a']", '["a",]', '["a"', '["a",', '["a"] b', '[ "a" ] x', '[]random string', '["a""b"]', '["a\tb"]', '[a]', '["a" "b"]',
]; // prettier-ignore
for (const text of nearly) {
  test('anything but valid JSON is a shell line', means, `CMD ${text}`, { command: shell(text) });
  // what may be meant for the command `[` is left alone
  if (text === '[a]' || text === '[ "a" ] x') continue;
  test(`of a nearly JSON array is warned: ${text}`, (t) => {
    const rules = lint(parsed(`FROM a\nSHELL ["x"]\nCMD ${text}`)).map(({ rule }) => rule);
    t.deepEqual(rules, ['BrokenJSONForm']);
  });
}
test('an object is a shell line', means, 'CMD {"a":1}', { command: shell('{"a":1}') });
test('a JSON string is a shell line', means, 'CMD "a"', { command: shell('"a"') });
test('VOLUME of nearly JSON has words', means, 'VOLUME [/a, /b]', { words: ['[/a,', '/b]'] });
test('COPY of nearly JSON has words', means, 'COPY ["a", /b', { sources: ['["a",'], destination: '/b' });

const strings = /^when using JSON array syntax, arrays must be comprised of strings only/;
for (const line of [
  'CMD ["a", 1]', 'RUN ["a", null]', 'ENTRYPOINT [["a"]]', 'SHELL [true]', 'VOLUME [1]', 'COPY [1, "/"]', 'ADD [{}, "/"]', 'HEALTHCHECK CMD [1]',
]) test('an array of other things is refused', refused, line, strings); // prettier-ignore

test('CMD [] is an empty vector', means, 'CMD []', { command: exec() });
test('ENTRYPOINT [] is an empty vector', means, 'ENTRYPOINT []', { command: exec() });
test('an empty CMD is an empty line', means, 'CMD', { command: shell('') });
test('RUN [] runs nothing', refused, 'RUN []', /^RUN requires at least one argument/);
test('RUN without a command', refused, 'RUN', /^RUN requires at least one argument/);
test('RUN with a flag and no command', refused, 'RUN --network=none', /^RUN requires at least one argument/);
test('SHELL [] is no shell', refused, 'SHELL []', /^SHELL requires at least one argument/);
test(
  'SHELL has no shell form',
  refused,
  'SHELL /bin/sh -c',
  /^SHELL requires the arguments to be in JSON form \(write for example SHELL/,
);
test('VOLUME []', refused, 'VOLUME []', /^VOLUME requires at least one argument/);
test('VOLUME [""]', refused, 'VOLUME [""]', /^VOLUME specified can not be an empty string/);
test('the blanks of a shell line stay', means, 'CMD a   b', { command: shell('a   b') });

test(
  'words of COPY end at blanks only: tab, vertical tab, form feed, carriage return, space',
  means,
  'COPY a\tb\vc\fd\re /x',
  {
    sources: ['a', 'b', 'c', 'd', 'e'],
  },
);
test('a no-break space is part of a word', means, 'COPY a\u00a0b /x', { sources: ['a\u00a0b'] });
test(
  'quotes do not keep words of COPY together',
  refused,
  'COPY "a b" /x',
  /^missing closing double-quote in "\\"a" \(quotes do not keep words together here: for a path with blanks write COPY \[/,
);
test(
  'quotes do not keep words of EXPOSE together',
  refused,
  'EXPOSE "80 81"',
  /^missing closing double-quote in "\\"80"/,
);
test('nor do braces', refused, 'EXPOSE ${P:-80 81}', /^missing '}' in "\$\{P:-80"/);
test(
  'quotes do not keep words of VOLUME together',
  refused,
  'VOLUME "/a b"',
  /^missing closing double-quote in/,
);
test(
  'quotes do not keep words of FROM together',
  refused,
  'FROM "a b"',
  /^FROM requires either one or three arguments/,
);
test('EXPOSE takes no JSON', refused, 'EXPOSE ["80"]', /^invalid port "\[80\]" in EXPOSE/);
test('COPY needs a source and a destination', refused, 'COPY a', /^COPY requires at least two arguments/);
test('COPY needs them in JSON too', refused, 'COPY ["a"]', /^COPY requires at least two arguments/);
test('ADD needs a source and a destination', refused, 'ADD a', /^ADD requires at least two arguments/);
for (const keyword of ['USER', 'WORKDIR', 'STOPSIGNAL', 'MAINTAINER']) {
  test('one argument is the rest of the line', means, `${keyword} 9`, { word: '9' });
  test('one argument is needed', refused, keyword, new RegExp(`^${keyword} requires exactly one argument`));
}
for (const keyword of ['ARG', 'ENV', 'LABEL', 'EXPOSE', 'VOLUME', 'SHELL', 'HEALTHCHECK', 'ONBUILD']) {
  test('an argument is needed', refused, keyword, new RegExp(`^${keyword} requires at least one argument`));
}
test('WORKDIR may hold blanks', means, 'WORKDIR /a b  c', { word: '/a b  c' });

for (const keyword of ['ENV', 'LABEL']) {
  test('a first word without = is the key, the rest its value as written', means, `${keyword} a b  "c"=$d `, {
    pairs: [{ key: 'a', value: 'b  "c"=$d' }],
  });
  test('a tab may follow the key', means, `${keyword} a\tb`, { pairs: [{ key: 'a', value: 'b' }] });
  test(`the old form is warned of: ${keyword}`, (t) => {
    t.deepEqual(
      lint(parsed(`FROM a\n${keyword} a b`)).map(({ rule }) => rule),
      ['LegacyKeyValueFormat'],
    );
  });
  test(
    'the old form needs a value',
    refused,
    `${keyword} a`,
    new RegExp(`^${keyword} must have two arguments \\(write ${keyword} name=value`),
  );
  test(
    'otherwise every word needs =',
    refused,
    `${keyword} a=1 b`,
    /^can't find = in "b", must be of the form: name=value \(put a value that contains blanks into double quotes/,
  );
  test('a blank key', refused, `${keyword} =1`, new RegExp(`^${keyword} names can not be blank`));
  test(
    'quotes and escapes keep words together and stay',
    means,
    `${keyword} a="x y" b='x y' c=x\\ y d=a"b c"d e=`,
    {
      pairs: [
        { key: 'a', value: '"x y"' },
        { key: 'b', value: "'x y'" },
        { key: 'c', value: 'x\\ y' },
        { key: 'd', value: 'a"b c"d' },
        { key: 'e', value: '' },
      ],
    },
  );
  test('keys may be quoted', means, `${keyword} "a b"=1`, { pairs: [{ key: '"a b"', value: '1' }] });
  test('words of pairs also end at other white space', means, `${keyword} a=1\u00a0b=2\u0085c=3`, {
    pairs: [{ key: 'a' }, { key: 'b' }, { key: 'c' }],
  });
}

test('ARG names and values', means, 'ARG A B=1 C="x y" D=', {
  args: [{ name: 'A' }, { name: 'B', value: '1' }, { name: 'C', value: '"x y"' }, { name: 'D', value: '' }],
});
test('a blank name of ARG', refused, 'ARG =1', /^ARG names can not be blank/);

test('HEALTHCHECK NONE in any case', means, 'HEALTHCHECK none', { test: 'NONE' });
test('HEALTHCHECK CMD in any case, behind any blank', means, 'HEALTHCHECK cmd\ta  b', {
  test: shell('a  b'),
});
test(
  'HEALTHCHECK of another kind',
  refused,
  'HEALTHCHECK FOO a',
  /^unknown type "FOO" in HEALTHCHECK \(try CMD or NONE/,
);
test(
  'HEALTHCHECK CMD without a command',
  refused,
  'HEALTHCHECK CMD',
  /^missing command after HEALTHCHECK CMD/,
);
test('HEALTHCHECK CMD []', refused, 'HEALTHCHECK CMD []', /^missing command after HEALTHCHECK CMD/);
test(
  'HEALTHCHECK NONE takes nothing more',
  refused,
  'HEALTHCHECK NONE a',
  /^HEALTHCHECK NONE takes no arguments/,
);
test(
  'ONBUILD in ONBUILD',
  refused,
  'ONBUILD ONBUILD RUN a',
  /^chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed/,
);
for (const keyword of ['FROM', 'MAINTAINER']) {
  test(
    'what is no trigger',
    refused,
    `ONBUILD ${keyword} a`,
    new RegExp(`^${keyword} isn't allowed as an ONBUILD trigger`),
  );
}
test('the trigger of ONBUILD is checked', refused, 'ONBUILD COPY a', /^COPY requires at least two arguments/);
test(
  'the keyword of a trigger may be unknown',
  refused,
  'ONBUILD RNU a',
  /^unknown instruction: RNU \(did you mean RUN/,
);
test('a trigger is kept as written', means, 'ONBUILD  run   a  $b', { trigger: 'run   a  $b' });
test('a trigger reads backslashes whatever the escape is', means, '# escape=`\nFROM a\nONBUILD ENV A=b\\ c', {
  trigger: 'ENV A=b\\ c', instruction: { pairs: [{ key: 'A', value: 'b\\ c' }] },
}); // prettier-ignore

for (const keyword of ['ADD', 'COPY']) {
  test('heredocs are sources', means, `${keyword} <<A b <<B /d/\n1\nA\n2\nB`, {
    sources: ['b'], destination: '/d/', heredocs: [{ name: 'A', content: '1\n' }, { name: 'B', content: '2\n' }],
  }); // prettier-ignore
  test(
    'a heredoc is no destination',
    refused,
    `${keyword} a <<A\nx\nA`,
    new RegExp(`^${keyword} cannot accept a heredoc as a destination`),
  );
  test(
    'blanks behind the arrows split words',
    refused,
    `${keyword} << A /x\nx\nA`,
    /must be one word without blanks \(write <<NAME/,
  );
  test(
    'a heredoc that would be a path',
    refused,
    `${keyword} <<"../../x" /d/\nx\n../../x`,
    /cannot be a file of that name \(take a delimiter without \//,
  );
}
test('a trigger has its heredocs', means, 'ONBUILD COPY <<-A /x\n\t1\n\tA', {
  trigger: 'COPY <<-A /x\n\t1\nA',
});
for (const line of [
  'ENV A=<<B',
  'LABEL a="<<B"',
  'CMD cat <<B',
  'ENTRYPOINT cat <<B',
  'HEALTHCHECK CMD cat <<B',
  'ONBUILD CMD cat <<B',
]) {
  test(`other instructions have no heredocs: ${line}`, (t) => t.deepEqual(errorsIn(`FROM a\n${line}`), []));
}
test(
  'a heredoc without its end',
  refused,
  'COPY <<A /x\ny\n A\nA \n',
  /^unterminated heredoc: no line is exactly "A" \(the body of the heredoc in line 2/,
  2,
);
test('a mistyped instruction keeps its heredoc', (t) => {
  t.deepEqual(
    errorsIn('FROM a\nCOPPY <<A /x\nFOO\nA\nBAR x').map(({ range, message }) => [range.startLine, message]),
    [
      [2, 'unknown instruction: COPPY'],
      [5, 'unknown instruction: BAR'],
    ],
  );
});

for (const name of ['1a', 'a/b', 'a b', '-a', '_a', 'ä', '$A', 'a:b']) {
  const words = name.includes(' ')
    ? /^FROM requires either one or three arguments/
    : /^invalid name for build stage/;
  test('names of stages', refused, `FROM x AS ${name}`, words, 1);
}
test('FROM without an image', refused, 'FROM', /^FROM requires either one or three arguments/, 1);
test(
  'FROM with half a name',
  refused,
  'FROM a AS',
  /^FROM requires either one or three arguments \(write FROM image or FROM image AS name/,
);
test('FROM with another word', refused, 'FROM a AZ b', /^FROM requires either one or three arguments/);
for (const name of ['a-b_c.d9', 'ABC', 'a-']) {
  test(`names of stages count in lower case: ${name}`, (t) => {
    t.is(parsed(`FROM x as ${name}`).stages[0]?.from.as, name.toLowerCase());
  });
}

const syntax: readonly (readonly [line: string, message: RegExp])[] = [
  [
    'FROM ${A',
    /^missing '}' in "\$\{A" \(a variable is written \$\{NAME\}; put \\ before a dollar that is text/,
  ],
  ['FROM --platform=${} a', /^bad substitution/],
  ['ARG A=${B:=c}', /^unsupported modifier \(:=\)/],
  ['ENV A="b', /^missing closing double-quote in .* \(close it, or put \\ before a quote that is text/],
  ['ENV ${A=b', /^missing '}'/],
  ["LABEL a='b", /^missing closing single-quote/],
  ['COPY ${A /', /^missing '}'/],
  ['ADD a ${', /^missing '}'/],
  ['COPY --chown=${A: a /', /^missing '}'/],
  ['COPY --chmod=${} a /', /^bad substitution/],
  ['ADD --checksum=${} http://a/ /', /^bad substitution/],
  ['COPY <<E /x\n${A^^}\nE', /^unsupported modifier \(\^\)/],
  ['RUN --mount=target=${} a', /^bad substitution/],
  ['EXPOSE ${}', /^bad substitution/],
  ['VOLUME ["${}"]', /^bad substitution/],
  ['USER ${}', /^bad substitution/],
  ['WORKDIR ${}', /^bad substitution/],
  ['STOPSIGNAL ${}', /^bad substitution/],
  ['ONBUILD ENV A=${}', /^bad substitution/],
];
for (const [line, message] of syntax) {
  test(
    'words are checked without their values',
    refused,
    line.startsWith('FROM') ? line : `FROM a\n${line}`,
    message,
  );
}
for (const line of [
  'ENV A=${B:?c}',
  'RUN echo ${',
  'CMD ${}',
  'ENTRYPOINT "',
  'HEALTHCHECK CMD ${}',
  'MAINTAINER "',
  'COPY <<"E" /x\n${}\nE',
]) {
  test(`what depends on values, or is not expanded, is not: ${JSON.stringify(line)}`, (t) => {
    t.deepEqual(errorsIn(`FROM a\n${line}`), []);
  });
}
test(
  'constant ports are checked',
  refused,
  'EXPOSE 80 $P 81/icmp',
  /^invalid port "81\/icmp" in EXPOSE: protocol "icmp" is not tcp, udp or sctp/,
);
