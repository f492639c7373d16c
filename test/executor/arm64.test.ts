/**
 * The arm64 form of a step's program under qemu's user emulation, as far as that goes: qemu does not know fsopen and the other
 * calls of the new mount interface, so everything before the first of them is run. The rest is run by arm64-machine.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readHostFacts } from '../../src/executor/host-facts.js';
import { waitForStep } from '../../src/executor/sandbox/namespaces.js';
import type { SandboxPlan } from '../../src/executor/sandbox/plan.js';
import { openingProgram, stepProgram } from '../../src/executor/sandbox/program.js';
import { playerElf } from '../../src/sys/player-elf.js';
import { encodeProgram, type Program } from '../../src/sys/program.js';
import { findProgram, isRoot } from '../helpers/programs.js';
import { pathsIn } from './step-paths.js';

const emulator = ['qemu-aarch64-static', 'qemu-aarch64'].map(findProgram).find((path) => path !== undefined);
const it = isRoot && emulator !== undefined ? test : test.skip;

it('pipes, namespaces, the overlay root and the first process are made on arm64 as on x64', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-arm64-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const paths = pathsIn(folder);
  for (const each of Object.values(paths)) mkdirSync(each);
  writeFileSync(path('player'), playerElf('arm64'), { mode: 0o700 });
  const plan: SandboxPlan = {
    spec: {
      lowers: [{ path: paths.lower, namespace: 'trusted' }],
      process: { argv: ['/bin/true'], env: [], cwd: '/', user: { uid: 0, gid: 0, groups: [0], home: '/' } },
      mounts: [],
      network: 'none',
      security: 'sandbox',
      hostname: 'h',
      extraHosts: [],
      onOutput: () => undefined,
    },
    host: { ...(await readHostFacts()), arch: 'arm64' },
    paths,
    mounts: [],
    hosts: 'etc/hosts',
    resolvConf: 'etc/resolv.conf',
    attributes: [{ path: paths.upper, uid: 0, gid: 0, mode: 0o755, mtime: 0n }],
  };
  const first = withoutMounts(openingProgram(plan));
  const rest = stepProgram(plan);
  const child = spawn(emulator ?? '', [path('player')], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const [, , , input, reports] = child.stdio;
  if (!input || !('write' in input) || !reports || !('on' in reports)) return t.fail();
  input.on('error', () => undefined);
  input.write(encodeProgram(first, 'arm64'));
  input.write(encodeProgram(rest, 'arm64', first));
  const chunks: Buffer[] = [];
  reports.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  const report = Buffer.concat(chunks);
  const words = Array.from({ length: report.length / 8 }, (_, word) => report.readBigInt64LE(word * 8));
  t.deepEqual([words[0], words[2], words[4]], [-3n, -7n, -3n]); // begun, output can be read, the next one begun
  const refused = rest.operations[Number(words[6])];
  const ENOSYS = 38n;
  t.deepEqual([refused?.call, refused?.label, words[7]], ['openat2', 'mount /proc', ENOSYS]);
});

/** The emulator does not know fsopen: what would be mounted before the step is known is left out. */
function withoutMounts(opening: Program): Program {
  const first = opening.operations.findIndex(({ call }) => call === 'fsopen');
  const slots = { ...opening.slots, memory: 8, proc: 8, dev: 8, sys: 8 };
  return { ...opening, operations: [...opening.operations.slice(0, first), waitForStep], slots };
}
