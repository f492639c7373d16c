import { play } from '../sys/player.js';
import { addressOf } from '../sys/program.js';

const LANDLOCK_CREATE_RULESET_VERSION = 1;

/** The version of Landlock; undefined where the kernel has none. */
export async function landlockVersion(): Promise<number | undefined> {
  const output = await play({
    operations: [
      {
        call: 'landlock_create_ruleset',
        args: [0, 0, LANDLOCK_CREATE_RULESET_VERSION],
        tolerate: 'any',
        result: { slot: 'version' },
      },
      { call: 'write', args: [1, addressOf('version'), 8] },
      { call: 'exit_group', args: [0] },
    ],
  });
  const version = Number(output.readBigInt64LE());
  return version > 0 ? version : undefined;
}
