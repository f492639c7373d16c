import test from 'ava';
import { goQuote } from '../../src/util/go-quote.js';

const quotes = test.macro({
  exec(t, text: string, expected: string) {
    t.is(goQuote(text), expected);
  },
  title: (_, _text: string, expected: string) => `quotes ${expected}`,
});

test(quotes, '', '""');
test(quotes, 'a b', '"a b"');
test(quotes, 'a"b\\', '"a\\"b\\\\"');
test(quotes, '\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"');
test(quotes, '\x00\x1b\x7f', '"\\x00\\x1b\\x7f"');
test(quotes, "it's", `"it's"`);
test(quotes, '한국어 ü', '"한국어 ü"');
test(quotes, '😀', '"😀"');
test(quotes, '\u00a0\u200b\u2028', '"\\u00a0\\u200b\\u2028"');
test(quotes, '\u{e0001}', '"\\U000e0001"');
test(quotes, '\ufeff', '"\\ufeff"');
test(quotes, '\ud800x', '"\ufffdx"');
