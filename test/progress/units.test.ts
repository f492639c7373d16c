import test from 'ava';
import { count, formatBytes, formatSeconds } from '../../src/progress/units.js';
import { truncate } from '../../src/progress/width.js';

const is = test.macro({
  exec: (t, given: string, wanted: string) => t.is(given, wanted),
  title: (title, _, wanted) => title ?? `units: ${wanted}`,
});
test(is, formatBytes(0), '0 B');
test(is, formatBytes(999), '999 B');
test(is, formatBytes(1000), '1.0 kB');
test(is, formatBytes(999_949), '999.9 kB');
test(is, formatBytes(999_951), '1.0 MB');
test(is, formatBytes(5e15), '5000.0 TB');
test(is, formatSeconds(0.04), '0.0s');
test(is, formatSeconds(59.94), '59.9s');
test(is, formatSeconds(59.96), '1m00s');
test(is, formatSeconds(187), '3m07s');
test(is, formatSeconds(3599.6), '1h00m');
test(is, formatSeconds(7500), '2h05m');
test(is, count(1, 'hit'), '1 hit');
test(is, count(2, 'miss', 'misses'), '2 misses');

test('width: a line that fits stays', is, truncate('abcdef', 6), 'abcdef');
test('width: a longer one ends in an ellipsis', is, truncate('abcdefg', 6), 'abcde…');
test('width: wide characters count two', is, truncate('漢漢漢漢', 6), '漢漢…');
test(
  'width: colours take no room and are closed',
  is,
  truncate('\u001b[31mabcdefg', 6),
  '\u001b[31mabcde…\u001b[0m',
);
