import { posix } from 'node:path';
import { expandWord } from '../../parser/expand.js';
import { resolveMount, type Mount } from '../../parser/mount.js';
import type { RunInstruction } from '../../parser/types.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecMount, MountSource } from '../ops.js';
import { makeVertex, type Vertex } from '../vertex.js';
import type { StageContext } from './lowering.js';
import type { StageState } from './stage-state.js';
import { stepOrigin } from './step-origin.js';
import { wordScope } from './word-scope.js';

type StepContext = StageContext & { readonly step: number };

/** The mounts of a RUN, and what they show as inputs of its vertex, counted from 1. */
export interface LoweredMounts {
  readonly mounts: readonly ExecMount[];
  readonly inputs: readonly Vertex[];
}

/**
 * Resolves the mounts of a RUN: words expanded, targets absolute, sources as inputs. Of several mounts with one target
 * the last counts, as with BuildKit. Throws `dockerfile` for targets that nothing can be mounted on.
 */
export async function lowerMounts(
  state: StageState,
  instruction: RunInstruction,
  context: StepContext,
): Promise<LoweredMounts> {
  const scope = wordScope(state, context, instruction.range);
  const { escape } = context.request.dockerfile.directives;
  const resolved = instruction.mounts.map((mount) =>
    resolveMount(mount, (word) => expandWord(word, scope, escape)),
  );
  const sources = new MountSources(instruction, context);
  const mounts: ExecMount[] = [];
  const workdir = state.config.WorkingDir || '/';
  for (const mount of withTargets(resolved, workdir)) mounts.push(await lowerMount(mount, sources));
  return { mounts, inputs: sources.vertices };
}

/** Targets are absolute; of equal ones the last stays. */
function withTargets(mounts: readonly Mount[], workdir: string): Mount[] {
  let agents = 0;
  const placed = mounts.map((mount): Mount => {
    if (mount.type === 'secret' && mount.target === undefined) return mount;
    const written =
      mount.type === 'ssh' ? (mount.target ?? `/run/buildkit/ssh_agent.${agents++}`) : mount.target;
    return { ...mount, target: absoluteTarget(written ?? '', workdir) };
  });
  return placed.filter(
    ({ target }, index) =>
      target === undefined || !placed.slice(index + 1).some((later) => later.target === target),
  );
}

/** Covered by mounts of the sandbox itself, or holding its root. */
const forbidden = ['/', '/proc', '/sys', '/dev'];

function absoluteTarget(written: string, workdir: string): string {
  const target = posix.resolve('/', workdir, written);
  if (!forbidden.includes(target) && !/^\/(proc|sys)\//.test(target)) return target;
  throw new TsbuildError(
    'dockerfile',
    `invalid mount target ${JSON.stringify(written)}: nothing can be mounted there`,
    {
      hint: 'choose a target outside of /proc, /sys and /dev that is not the root',
    },
  );
}

/** Inputs of the step besides its root, each once. */
class MountSources {
  readonly vertices: Vertex[] = [];

  constructor(
    readonly instruction: RunInstruction,
    readonly context: StepContext,
  ) {}

  async add(from: string | undefined, path: string): Promise<MountSource> {
    const vertex = await this.#vertex(from);
    const known = this.vertices.findIndex(({ digest }) => digest === vertex.digest);
    const input = known < 0 ? this.vertices.push(vertex) : known + 1;
    return { input, path: posix.resolve('/', path) };
  }

  async #vertex(from: string | undefined): Promise<Vertex> {
    const { instruction, context } = this;
    const origin = stepOrigin(instruction, context);
    if (from === undefined) {
      return makeVertex({ kind: 'context', name: 'context' }, [], {
        ...origin,
        name: '[internal] load build context',
      });
    }
    if (from === 'scratch') return makeVertex({ kind: 'scratch' }, [], origin);
    return (await context.source(from, context.stage)).vertex;
  }
}

async function lowerMount(mount: Mount, sources: MountSources): Promise<ExecMount> {
  switch (mount.type) {
    case 'bind': {
      const source = await sources.add(mount.from, mount.source);
      return { kind: 'bind', target: mount.target, source, writable: !mount.readonly };
    }
    case 'cache': {
      const { type, from, source, ...rest } = mount;
      const path = posix.resolve('/', source);
      if (from === undefined || from === 'scratch') return { kind: type, ...rest, path };
      return { kind: type, ...rest, path: '/', seed: await sources.add(from, source) };
    }
    case 'tmpfs':
      return { kind: 'tmpfs', target: mount.target, ...(mount.size !== undefined && { size: mount.size }) };
    case 'secret': {
      const { type, target, env, ...rest } = mount;
      return {
        kind: type,
        ...rest,
        ...(target !== undefined && { target }),
        ...(env !== undefined && { env }),
      };
    }
    case 'ssh': {
      const { type, target = '', ...rest } = mount;
      return { kind: type, ...rest, target };
    }
  }
}
