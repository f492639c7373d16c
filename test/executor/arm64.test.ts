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
import { sandboxProgram } from '../../src/executor/sandbox/program.js';
import { playerElf } from '../../src/sys/player-elf.js';
import { encodeProgram } from '../../src/sys/program.js';
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
  const program = sandboxProgram({
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
  });
  const child = spawn(emulator ?? '', [path('player')], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const [, , , input, reports] = child.stdio;
  if (!input || !('write' in input) || !reports || !('on' in reports)) return t.fail();
  input.on('error', () => undefined);
  input.write(encodeProgram(program, 'arm64'));
  const chunks: Buffer[] = [];
  reports.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  const report = Buffer.concat(chunks);
  t.is(report.readBigInt64LE(0), -3n); // the program was begun
  const refused = program.operations[Number(report.readBigInt64LE(16))];
  const ENOSYS = 38n;
  t.deepEqual([refused?.call, refused?.label, report.readBigInt64LE(24)], ['fsopen', 'mount /proc', ENOSYS]);
});
