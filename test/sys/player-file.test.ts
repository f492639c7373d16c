import { readFileSync, readlinkSync, statSync } from 'node:fs';
import test from 'ava';
import { hostArch, playerPath } from '../../src/sys/player-file.js';
import { playerElf } from '../../src/sys/player-elf.js';

test('the player is a file without a name, the same for every caller', (t) => {
  const [first, second] = [playerPath(), playerPath()];
  t.is(first, second);
  t.deepEqual(readFileSync(first), playerElf(hostArch()));
  t.regex(readlinkSync(first), / \(deleted\)$/);
  t.is(statSync(first).mode & 0o7777, 0o500);
});

test('a directory that cannot be written is passed over', (t) => {
  t.regex(playerPath('/proc/absent'), /^\/proc\/\d+\/fd\/\d+$/);
});
