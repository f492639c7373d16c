import type { Dockerfile, MountOption, RunInstruction, Stage } from '../types.js';
import { finding, parentStages, type Finding, type Rule } from './rule.js';

/** Ours: the folder of a cache mount belongs to root and has mode 0755 unless the mount says otherwise. */
export const cacheMountNotWritable: Rule = {
  name: 'CacheMountNotWritable',
  description: 'A cache mount for another user than root needs uid= or mode=',
  *check(dockerfile) {
    const parents = parentStages(dockerfile);
    const users = new Map<Stage, string | undefined>();
    for (const stage of dockerfile.stages) {
      const parent = parents.get(stage);
      users.set(stage, yield* walk(stage, parent === undefined ? undefined : users.get(parent)));
    }
  },
};

/** Yields findings and returns the user at the stage's end; undefined is root or what the base image says. */
function* walk({ instructions }: Dockerfile['stages'][number], inherited: string | undefined): Walk {
  let user = inherited;
  for (const instruction of instructions) {
    if (instruction.kind === 'USER') user = instruction.word;
    if (instruction.kind !== 'RUN' || user === undefined || !isOther(user)) continue;
    for (const target of unwritable(instruction)) {
      yield finding(
        instruction,
        `The cache mount at ${target} belongs to root, and this step runs as ${JSON.stringify(user)}`,
        'give the mount a uid= (and gid=), or mode=0777',
      );
    }
  }
  return user;
}

type Walk = Generator<Finding, string | undefined>;

function isOther(user: string): boolean {
  const [name = ''] = user.replaceAll(/["']/g, '').split(':');
  return name !== '' && !name.includes('$') && name !== 'root' && !/^0+$/.test(name);
}

function unwritable({ mounts }: RunInstruction): string[] {
  return mounts.flatMap((mount) => {
    if (mount.type !== 'cache' || isOpen(mount)) return [];
    return mount.options.find(([key]) => key === 'target')?.[1] ?? [];
  });
}

function isOpen({ options }: MountOption): boolean {
  return options.some(([key]) => key === 'uid' || key === 'gid' || key === 'mode' || key === 'readonly');
}
