import test from 'ava';
import { expandHeredoc, expandWord, expandWords, type Scope } from '../../src/parser/expand.js';
import { TsbuildError } from '../../src/util/errors.js';

const variables: Readonly<Record<string, string>> = {
  HOME: '/home',
  SHELL: 'bash',
  KOREAN: '한국어',
  EMPTY: '',
  PATHS: '/a/b/c.tar.gz',
  X: 'x',
  _u: 'under',
  a1: 'digits',
  BLANKS: 'one two',
  QUOTED: `"q" 'r'`,
  GLOB: '*?',
  STARS: 'a***yy*',
  ESC: 'a\\b',
  ÄÖ: 'umlaut',
};

function scopeOf(values: Readonly<Record<string, string>>): Scope {
  const map = new Map(Object.entries(values));
  return { get: (name) => map.get(name) };
}

const scope = scopeOf(variables);

const becomes = test.macro({
  exec(t, word: string, expected: string) {
    t.is(expandWord(word, scope, '\\'), expected);
  },
  title: (rule = '', word: string) => `${rule}: ${JSON.stringify(word)}`,
});

const fails = test.macro({
  exec(t, word: string, message: RegExp) {
    const error = t.throws(() => expandWord(word, scope, '\\'), { instanceOf: TsbuildError, message });
    t.is(error?.code, 'dockerfile');
    t.is(error?.range, undefined);
  },
  title: (rule = '', word: string) => `${rule}: ${JSON.stringify(word)}`,
});

const text = 'plain text is kept';
test(text, becomes, '', '');
test(text, becomes, 'hello', 'hello');
test(text, becomes, 'he llo', 'he llo');
test(text, becomes, '  he  llo ', '  he  llo ');
test(text, becomes, 'a=b', 'a=b');
test(text, becomes, '한국어', '한국어');
test(text, becomes, '😀', '😀');
test(text, becomes, '}', '}');
test(text, becomes, '{a}', '{a}');
test(text, becomes, '`ls`', '`ls`');
test(text, becomes, '#not a comment', '#not a comment');
test(text, becomes, '*', '*');
test(text, becomes, '~', '~');
test(text, becomes, 'line\nline', 'line\nline');

const single = 'single quotes are literal';
test(single, becomes, `'hello'`, 'hello');
test(single, becomes, `he'll'o`, 'hello');
test(single, becomes, `''`, '');
test(single, becomes, `'$HOME'`, '$HOME');
test(single, becomes, `'\${HOME}'`, '${HOME}');
test(single, becomes, `'hello\\'`, 'hello\\');
test(single, becomes, `'hello\\there'`, 'hello\\there');
test(single, becomes, `'hello\\\\there'`, 'hello\\\\there');
test(single, becomes, `'"'`, '"');
test(single, becomes, `'a b'`, 'a b');
test(single, fails, `'hello`, /single-quote/);
test(single, fails, `hello'`, /single-quote/);
test(single, fails, `'he\\'llo'`, /single-quote/);

const double = 'double quotes expand variables';
test(double, becomes, `"hello"`, 'hello');
test(double, becomes, `""`, '');
test(double, becomes, `he"llo"`, 'hello');
test(double, becomes, `"$HOME"`, '/home');
test(double, becomes, `"\${HOME}x"`, '/homex');
test(double, becomes, `"'$HOME'"`, `'/home'`);
test(double, becomes, `"a"'b'"c"`, 'abc');
test(double, becomes, `"$"`, '$');
test(double, becomes, `"$ "`, '$ ');
test(double, fails, `"hello`, /double-quote/);
test(double, fails, `hello"`, /double-quote/);
test(double, fails, `"hello\\"`, /double-quote/);

const doubleEscape = 'in double quotes only quote, dollar and escape can be escaped';
test(doubleEscape, becomes, `"a\\"b"`, 'a"b');
test(doubleEscape, becomes, `"a\\$HOME"`, 'a$HOME');
test(doubleEscape, becomes, `"a\\\\b"`, 'a\\b');
test(doubleEscape, becomes, `"abc\\tdef"`, 'abc\\tdef');
test(doubleEscape, becomes, `"a\\'b"`, `a\\'b`);
test(doubleEscape, becomes, `"a\\ b"`, 'a\\ b');
test(doubleEscape, becomes, `"\\\\$HOME"`, '\\/home');

const bare = 'an unquoted escape keeps the next character';
test(bare, becomes, 'he\\llo', 'hello');
test(bare, becomes, 'abc\\tdef', 'abctdef');
test(bare, becomes, 'he\\\\llo', 'he\\llo');
test(bare, becomes, 'he\\ llo', 'he llo');
test(bare, becomes, `he\\'llo`, `he'llo`);
test(bare, becomes, `he\\"llo`, `he"llo`);
test(bare, becomes, '\\$HOME', '$HOME');
test(bare, becomes, '\\${HOME}', '${HOME}');
test(bare, becomes, '\\\\$HOME', '\\/home');
test(bare, becomes, '\\\\\\$HOME', '\\$HOME');
test(bare, becomes, '\\😀', '😀');
test('a trailing escape is dropped', becomes, 'hello\\', 'hello');

const names = 'names are letters, digits and underscores';
test(names, becomes, '$HOME', '/home');
test(names, becomes, 'he$HOME', 'he/home');
test(names, becomes, '$HOME/x', '/home/x');
test(names, becomes, '$HOME.x', '/home.x');
test(names, becomes, '$HOME-x', '/home-x');
test(names, becomes, '$HOMEx', '');
test(names, becomes, '$_u', 'under');
test(names, becomes, '$a1', 'digits');
test(names, becomes, '$X$X', 'xx');
test(names, becomes, '$KOREAN', '한국어');
test(names, becomes, 'x$KOREAN한', 'x');
test(names, becomes, '$ÄÖ', 'umlaut');
test(names, becomes, '${ÄÖ}', 'umlaut');
test(names, becomes, '${HOME}', '/home');
test(names, becomes, '${HOME}${SHELL}', '/homebash');
test(names, becomes, '${X}y', 'xy');

const positional = 'digits and special parameters are unset';
test(positional, becomes, '$1', '');
test(positional, becomes, 'a$1b', 'ab');
test(positional, becomes, '$12x', 'x');
test(positional, becomes, '$0', '');
test(positional, becomes, '$@', '');
test(positional, becomes, '$*', '');
test(positional, becomes, '$#', '');
test(positional, becomes, '$?', '');
test(positional, becomes, '$-', '');
test(positional, becomes, '$$', '');
test(positional, becomes, '$!', '');
test(positional, becomes, '${1}', '');
test(positional, becomes, '${@}', '');
test(positional, becomes, '${#}', '');
test(positional, becomes, '${$}', '');
test(positional, becomes, '${1:-d}', 'd');
test(positional, becomes, '$$HOME', 'HOME');

const lone = 'a dollar that begins no name stays';
test(lone, becomes, '$', '$');
test(lone, becomes, 'a$', 'a$');
test(lone, becomes, '$.', '$.');
test(lone, becomes, '$ x', '$ x');
test(lone, becomes, '$/', '$/');
test(lone, becomes, '$=', '$=');
test(lone, becomes, '$(ls)', '$(ls)');
test(lone, becomes, '$}', '$}');

test('an unset variable is empty', becomes, 'a${NONE}b$NONE', 'ab');
test('values are not expanded again', becomes, '$QUOTED', `"q" 'r'`);
test('values are not expanded again', becomes, '$ESC', 'a\\b');

const syntax = 'bad substitutions';
test(syntax, fails, '${}', /bad substitution/);
test(syntax, fails, '${:x}', /bad substitution/);
test(syntax, fails, '${:}', /bad substitution/);
test(syntax, fails, '${{x}', /bad substitution/);
test(syntax, fails, '${{x}}', /bad substitution/);
test(syntax, fails, '${/a/b}', /bad substitution/);
test(syntax, fails, '${', /missing '}'/);
test(syntax, fails, '${HOME', /missing '}'/);
test(syntax, fails, '"${HOME"', /unsupported modifier \("\)/);
test(syntax, fails, '${HOME:', /missing '}'/);
test(syntax, fails, '${HOME:-x', /missing '}'/);
test(syntax, fails, '${HOME#x', /missing '}'/);
test(syntax, fails, '${HOME/a', /missing/);
test(syntax, fails, '${HOME/a}', /missing '\/'/);
test(syntax, fails, '${HOME//a}', /missing '\/'/);
test(syntax, fails, '${HOME/a/b', /missing '}'/);
test(syntax, fails, '${NONE:-${HOME}', /missing '}'/);

const modifiers = 'unsupported modifiers';
test(modifiers, fails, '${HOME:=x}', /unsupported modifier \(:=\)/);
test(modifiers, fails, '${HOME=x}', /unsupported modifier \(=\)/);
test(modifiers, fails, '${HOME=:x}', /unsupported modifier \(=\)/);
test(modifiers, fails, '${.}', /unsupported modifier \(\.\)/);
test(modifiers, fails, '${HOME:#p}', /unsupported modifier \(:#\)/);
test(modifiers, fails, '${HOME:%p}', /unsupported modifier \(:%\)/);
test(modifiers, fails, '${HOME:0:1}', /unsupported modifier \(:0\)/);
test(modifiers, fails, '${HOME^^}', /unsupported modifier \(\^\)/);
test(modifiers, fails, '${HOME,,}', /unsupported modifier \(,\)/);
test(modifiers, fails, '${HOME@Q}', /unsupported modifier \(@\)/);
test(modifiers, fails, '${#HOME}', /unsupported modifier \(H\)/);
test(modifiers, fails, '${!HOME}', /unsupported modifier \(H\)/);
test(modifiers, fails, '${HOME x}', /unsupported modifier \( \)/);

const fallback = ':- and - give a default';
test(fallback, becomes, '${HOME:-d}', '/home');
test(fallback, becomes, '${EMPTY:-d}', 'd');
test(fallback, becomes, '${NONE:-d}', 'd');
test(fallback, becomes, '${HOME-d}', '/home');
test(fallback, becomes, '${EMPTY-d}', '');
test(fallback, becomes, '${NONE-d}', 'd');
test(fallback, becomes, '${NONE:-}', '');
test(fallback, becomes, '${NONE-}', '');
test(fallback, becomes, '${NONE:-a b}', 'a b');
test(fallback, becomes, '${NONE:-$HOME}', '/home');
test(fallback, becomes, '${NONE:-${EMPTY:-$X}}', 'x');
test(fallback, becomes, '${NONE:-"a}b"}', 'a}b');
test(fallback, becomes, `\${NONE:-'$X'}`, '$X');
test(fallback, becomes, '${NONE:-a\\}b}', 'a}b');
test(fallback, becomes, '"${NONE:-a b}"', 'a b');
test(fallback, becomes, '${NONE:--}', '-');
test(fallback, becomes, '${NONE:-:-}', ':-');
test(fallback, becomes, '${1-d}', 'd');
test(fallback, becomes, '${HOME:-${NONE:-n}}', '/home');

const alternative = ':+ and + give an alternative';
test(alternative, becomes, '${HOME:+a}', 'a');
test(alternative, becomes, '${EMPTY:+a}', '');
test(alternative, becomes, '${NONE:+a}', '');
test(alternative, becomes, '${HOME+a}', 'a');
test(alternative, becomes, '${EMPTY+a}', 'a');
test(alternative, becomes, '${NONE+a}', '');
test(alternative, becomes, 'v${X:+-$X}.tgz', 'v-x.tgz');
test(alternative, becomes, 'v${NONE:+-${NONE}}.tgz', 'v.tgz');
test(alternative, becomes, '${HOME:+}', '');

const demanded = ':? and ? demand a value';
test(demanded, becomes, '${HOME:?m}', '/home');
test(demanded, becomes, '${HOME?m}', '/home');
test(demanded, becomes, '${EMPTY?m}', '');
test(demanded, fails, '${EMPTY:?m}', /^EMPTY: m$/);
test(demanded, fails, '${NONE:?m}', /^NONE: m$/);
test(demanded, fails, '${NONE?m}', /^NONE: m$/);
test(demanded, fails, '${NONE:?set $HOME first}', /^NONE: set \/home first$/);
test(demanded, fails, '${NONE?}', /^NONE: is not allowed to be unset$/);
test(demanded, fails, '${NONE:?}', /^NONE: is not allowed to be unset$/);
test(demanded, fails, '${EMPTY:?}', /^EMPTY: is not allowed to be empty$/);

const prefix = '# and ## remove a prefix';
test(prefix, becomes, '${PATHS#*/}', 'a/b/c.tar.gz');
test(prefix, becomes, '${PATHS##*/}', 'c.tar.gz');
test(prefix, becomes, '${PATHS#/a}', '/b/c.tar.gz');
test(prefix, becomes, '${PATHS#a}', '/a/b/c.tar.gz');
test(prefix, becomes, '${PATHS#}', '/a/b/c.tar.gz');
test(prefix, becomes, '${PATHS##}', '/a/b/c.tar.gz');
test(prefix, becomes, '${PATHS#*}', '/a/b/c.tar.gz');
test(prefix, becomes, '${PATHS##*}', '');
test(prefix, becomes, '${PATHS#??}', '/b/c.tar.gz');
test(prefix, becomes, '${PATHS#*/*/}', 'b/c.tar.gz');
test(prefix, becomes, '${PATHS##*/*/}', 'c.tar.gz');
test(prefix, becomes, '${KOREAN#?}', '국어');
test(prefix, becomes, '${NONE#x}', '');
test(prefix, becomes, '${GLOB#\\*}', '?');
test(prefix, becomes, '${GLOB#*}', '*?');
test(prefix, becomes, '${GLOB#?\\?}', '');
test(prefix, becomes, '${PATHS#$EMPTY}', '/a/b/c.tar.gz');
test(prefix, becomes, '${SHELL#$X}', 'bash');
test(prefix, becomes, '${SHELL#[b]}', 'bash');
test(prefix, becomes, '${SHELL#b.}', 'bash');

const suffix = '% and %% remove a suffix';
test(suffix, becomes, '${PATHS%.*}', '/a/b/c.tar');
test(suffix, becomes, '${PATHS%%.*}', '/a/b/c');
test(suffix, becomes, '${PATHS%/*}', '/a/b');
test(suffix, becomes, '${PATHS%%/*}', '');
test(suffix, becomes, '${PATHS%.gz}', '/a/b/c.tar');
test(suffix, becomes, '${PATHS%.g}', '/a/b/c.tar.gz');
test(suffix, becomes, '${PATHS%}', '/a/b/c.tar.gz');
test(suffix, becomes, '${PATHS%%}', '/a/b/c.tar.gz');
test(suffix, becomes, '${KOREAN%?}', '한국');
test(suffix, becomes, '${STARS%%\\**}', 'a');
test(suffix, becomes, '${STARS%%\\**\\*}', 'a');
test(suffix, becomes, '${STARS%\\*}', 'a***yy');
test(suffix, becomes, '${NONE%x}', '');
test(suffix, becomes, '${NONE:-.}${SHELL%h}${NONE:-.}', '.bas.');

const replace = '/ replaces the first match and // all';
test(replace, becomes, '${PATHS/\\//-}', '-a/b/c.tar.gz');
test(replace, becomes, '${PATHS//\\//-}', '-a-b-c.tar.gz');
test(replace, becomes, '${PATHS/a/A}', '/A/b/c.tar.gz');
test(replace, becomes, '${PATHS//a/A}', '/A/b/c.tAr.gz');
test(replace, becomes, '${PATHS/zz/A}', '/a/b/c.tar.gz');
test(replace, becomes, '${PATHS/a/}', '//b/c.tar.gz');
test(replace, becomes, '${PATHS/$NONE/w}', 'w/a/b/c.tar.gz');
test(replace, becomes, '${SHELL/a*/X}', 'bX');
test(replace, becomes, '${SHELL/?/X}', 'Xash');
test(replace, becomes, '${SHELL//?/X}', 'XXXX');
test(replace, becomes, '${SHELL//*/X}', 'X');
test(replace, becomes, '${SHELL///}', 'bash');
test(replace, becomes, '${SHELL///-}', '-b-a-s-h-');
test(replace, becomes, '${SHELL/s/$HOME}', 'ba/homeh');
test(replace, becomes, '${SHELL/$X/y}', 'bash');
test(replace, becomes, '${SHELL//s/\\$1}', 'ba\\$1h');
test(replace, becomes, `\${SHELL//s/'$1'}`, 'ba$1h');
test(replace, becomes, '${SHELL/s/\\/}', 'ba\\/h');
test(replace, becomes, '${SHELL/s/a/b}', 'baa/bh');
test(replace, becomes, '${NONE/a/b}', '');
test(replace, becomes, '${NONE///}', '');

const patternEscape = 'in patterns only * ? \\ } and / can be escaped';
test(patternEscape, fails, '${SHELL#\\b}', /invalid escape/);
test(patternEscape, fails, '${SHELL/\\b/x}', /invalid escape/);
test(patternEscape, becomes, '${ESC#a\\\\}', 'b');
test(patternEscape, becomes, '${ESC/\\\\/}', 'ab');

const splits = test.macro({
  exec(t, words: string, expected: readonly string[]) {
    t.deepEqual(expandWords(words, scope, '\\'), [...expected]);
  },
  title: (rule = '', words: string) => `words, ${rule}: ${JSON.stringify(words)}`,
});

test('blanks split', splits, 'a b', ['a', 'b']);
test('blanks split', splits, ' a\t b ', ['a', 'b']);
test('blanks split', splits, '', []);
test('blanks split', splits, '  ', []);
test('quotes protect', splits, '"a b" c', ['a b', 'c']);
test('quotes protect', splits, `a' 'b`, ['a b']);
test('quotes protect', splits, '"a  b"c', ['a  bc']);
test('escapes protect', splits, 'a\\ b c', ['a b', 'c']);
test('values split', splits, '$BLANKS', ['one', 'two']);
test('values split', splits, 'a$BLANKS', ['aone', 'two']);
test('values split', splits, '${BLANKS}b', ['one', 'twob']);
test('values split', splits, '$BLANKS$BLANKS', ['one', 'twoone', 'two']);
test('quoted values do not split', splits, '"$BLANKS" x', ['one two', 'x']);
test('defaults split', splits, '${NONE:-3000 4000/udp}', ['3000', '4000/udp']);
test('empty words are dropped', splits, '"" a $EMPTY', ['a']);
test('errors are those of a word', (t) => {
  t.throws(() => expandWords('a ${', scope, '\\'), { message: /missing/ });
});

const heredoc = test.macro({
  exec(t, content: string, expected: string) {
    t.is(expandHeredoc(content, scope), expected);
  },
  title: (rule = '', content: string) => `heredoc, ${rule}: ${JSON.stringify(content)}`,
});

test('variables expand', heredoc, 'a $HOME ${X:-y}\n', 'a /home x\n');
test('quotes are text', heredoc, `"$HOME" '$X'\n`, `"/home" 'x'\n`);
test('quotes are text', heredoc, `it's "\n`, `it's "\n`);
test('quotes in defaults are text', heredoc, `\${NONE:-'a'}`, `'a'`);
test('an escape keeps the next character', heredoc, '\\$HOME \\\\ \\n \\"', '$HOME \\ n "');
test('an escaped newline is a newline', heredoc, 'a\\\nb', 'a\nb');
test('a trailing escape is dropped', heredoc, 'a\\', 'a');

const backtick = test.macro({
  exec(t, word: string, expected: string) {
    t.is(expandWord(word, scope, '`'), expected);
  },
  title: (rule = '', word: string) => `backtick escape, ${rule}: ${JSON.stringify(word)}`,
});

test('backslashes are text', backtick, 'C:\\dir\\$X', 'C:\\dir\\x');
test('backticks escape', backtick, '`$X', '$X');
test('backticks escape in double quotes', backtick, '"`$X `n ``"', '$X `n `');

test('names of object members are plain variables', (t) => {
  t.is(expandWord('$__proto__$toString$constructor${hasOwnProperty}', scope, '\\'), '');
});

test('undefined plain variables are reported, modified ones are not', (t) => {
  const seen: string[] = [];
  const reporting: Scope = { get: (name) => scope.get(name), onUndefined: (name) => seen.push(name) };
  expandWord('$A ${B} ${C:-x} ${D+x} $HOME', reporting, '\\');
  t.deepEqual(seen, ['A', 'B']);
});
