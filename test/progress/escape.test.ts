import test from 'ava';
import fc from 'fast-check';
import { cleanOutputLine, escapeControls } from '../../src/progress/escape.js';

const names = test.macro({
  exec: (t, text: string, shown: string) => t.is(escapeControls(text), shown),
  title: (_, text, shown) => `a name: ${JSON.stringify(text)} is shown as ${shown}`,
});
test(names, 'plain ünïcode 漢 🎉', 'plain ünïcode 漢 🎉');
test(names, 'a\nb\rc\td', 'a\\nb\\rc\\td');
test(names, '\u001b[31mred', '\\x1b[31mred');
test(names, '\u0000\u007f\u009b', '\\x00\\x7f\\x9b');
test(names, 'exe\u202egnp', 'exe\\u202egnp');
test(names, '\u2066\u2069\u200e\u061c', '\\u2066\\u2069\\u200e\\u061c');
test(names, 'a\u2028b\u2029\ufeff', 'a\\u2028b\\u2029\\ufeff');

const lines = test.macro({
  exec: (t, line: string, colored: string, plain: string) => {
    t.is(cleanOutputLine(line, true), colored);
    t.is(cleanOutputLine(line, false), plain);
  },
  title: (title) => `output: ${title ?? ''}`,
});
test('SGR stays with colour and is closed', lines, '\u001b[1;31mred', '\u001b[1;31mred\u001b[0m', 'red');
test('SGR with colons', lines, '\u001b[38:2::1:2:3mx', '\u001b[38:2::1:2:3mx\u001b[0m', 'x');
test('tabs stay', lines, 'a\tb', 'a\tb', 'a\tb');
test('clear screen', lines, '\u001b[2J', '\\x1b[2J', '\\x1b[2J');
test('clipboard (OSC 52)', lines, '\u001b]52;c;QQ==\u0007', '\\x1b]52;c;QQ==\\x07', '\\x1b]52;c;QQ==\\x07');
test(
  'hyperlink (OSC 8)',
  lines,
  '\u001b]8;;http://x\u001b\\',
  '\\x1b]8;;http://x\\x1b\\',
  '\\x1b]8;;http://x\\x1b\\',
);
test('device control string', lines, '\u001bPq\u001b\\', '\\x1bPq\\x1b\\', '\\x1bPq\\x1b\\');
test('C1 control sequence introducer', lines, '\u009b2J', '\\x9b2J', '\\x9b2J');
test('private sequence that ends in m', lines, '\u001b[>4;2m', '\\x1b[>4;2m', '\\x1b[>4;2m');
test('backspace', lines, 'evil\b\b\b\bgood', 'evil\\x08\\x08\\x08\\x08good', 'evil\\x08\\x08\\x08\\x08good');

test('law: without colour no control character but tab is left', (t) => {
  const control = fc.constantFrom(
    '\u001b',
    '[',
    '0',
    'm',
    ';',
    '\u009b',
    '\u202e',
    '\u0007',
    '\t',
    'x',
    '\r',
    'J',
  );
  fc.assert(
    fc.property(
      fc.string({ unit: control }),
      (line) => !/[\p{Cc}\p{Bidi_Control}]/u.test(cleanOutputLine(line, false).replaceAll('\t', '')),
    ),
  );
  t.pass();
});

test('law: with colour every escape character begins an SGR sequence', (t) => {
  const unit = fc.constantFrom('\u001b', '[', '0', 'm', ';', 'x', 'J');
  fc.assert(
    fc.property(fc.string({ unit }), (line) =>
      cleanOutputLine(line, true)
        .split('\u001b')
        .slice(1)
        .every((rest) => /^\[[0-9;]*m/.test(rest)),
    ),
  );
  t.pass();
});
