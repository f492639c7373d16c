/** The name of a downloaded file: never a path, whatever URL and server say. */
import test from 'ava';
import { downloadName } from '../../src/remote/http-name.js';

const rows: readonly (readonly [rule: string, url: string, header: string | undefined, name: string])[] = [
  ['last element of the path', 'http://h/a/b.txt', undefined, 'b.txt'],
  ['query does not count', 'http://h/b.txt?x=/y', undefined, 'b.txt'],
  ['percent encoding is decoded', 'http://h/a%20b', undefined, 'a b'],
  ['the URL wins over the header', 'http://h/a', 'attachment; filename="b"', 'a'],
  ['a slash behind the path does not count', 'http://h/a/b//', 'attachment; filename="c"', 'b'],
  ['the header names what has no path', 'http://h/', 'attachment; filename="b"', 'b'],
  ['header without quotes', 'http://h/', 'attachment; filename=b.tgz', 'b.tgz'],
  ['encoded header first', 'http://h/', `attachment; filename="x"; filename*=UTF-8''%c3%a4`, 'ä'],
  ['folders of the header go', 'http://h/', 'attachment; filename="../../x"', 'x'],
  ['backslashes of the header go', 'http://h/', 'attachment; filename="a\\\\..\\\\x"', 'x'],
  ['nothing names it', 'http://h/', undefined, '__unnamed__'],
  ['encoded slashes', 'http://h/%2e%2e%2fx', undefined, '__unnamed__'],
  ['dots', 'http://h/', 'attachment; filename=".."', '__unnamed__'],
  ['one dot', 'http://h/', 'attachment; filename="."', '__unnamed__'],
  ['empty', 'http://h/', 'attachment; filename=""', '__unnamed__'],
  ['control characters', 'http://h/a%0ab', undefined, '__unnamed__'],
  ['NUL', 'http://h/a%00b', undefined, '__unnamed__'],
  ['wrong encoding', 'http://h/%ff', undefined, '__unnamed__'],
  ['300 bytes', `http://h/${'a'.repeat(300)}`, undefined, '__unnamed__'],
  ['255 bytes', `http://h/${'a'.repeat(255)}`, undefined, 'a'.repeat(255)],
];
for (const [rule, url, header, name] of rows) {
  test(rule, (t) => t.is(downloadName(new URL(url), header), name));
}
