import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { codeArm64, listingArm64 } from '../../src/sys/player-arm64.js';
import { playerElf, type Arch } from '../../src/sys/player-elf.js';
import { codeX8664, listingX8664 } from '../../src/sys/player-x86-64.js';
import { encodeProgram } from '../../src/sys/program.js';
import { findProgram } from '../helpers/programs.js';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-player-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

interface Target {
  readonly arch: Arch;
  readonly listing: string;
  readonly code: string;
  /** Assemblers for it, with their option for 64 bits. */
  readonly assemblers: readonly (readonly [name: string, ...options: string[]])[];
  readonly machine: string;
}

const targets: readonly Target[] = [
  {
    arch: 'x64',
    listing: listingX8664,
    code: codeX8664,
    assemblers: [
      ['x86_64-linux-gnu-as', '--64'],
      ['as', '--64'],
    ],
    machine: 'x86-64',
  },
  {
    arch: 'arm64',
    listing: listingArm64,
    code: codeArm64,
    assemblers: [['aarch64-linux-gnu-as']],
    machine: 'aarch64',
  },
];

for (const { arch, listing, code, assemblers } of targets) {
  const usable = assemblers.find(
    ([name]) => findProgram(name) !== undefined && (name !== 'as' || process.arch === arch),
  );
  const it = usable === undefined ? test.skip : test;
  it(`${arch}: the machine code is what the listing assembles to`, (t) => {
    const [name = '', ...options] = usable ?? [];
    const [source, object, binary] = ['s', 'o', 'bin'].map((suffix) => join(directory, `${arch}.${suffix}`));
    if (source === undefined || object === undefined || binary === undefined) return t.fail();
    writeFileSync(source, listing);
    execFileSync(name, [...options, '-o', object, source]);
    execFileSync(name.replace(/as$/, 'objcopy'), ['-O', 'binary', '-j', '.text', object, binary]);
    t.is(readFileSync(binary).toString('hex'), code);
  });
}

const emulator = ['qemu-aarch64-static', 'qemu-aarch64'].find((name) => findProgram(name) !== undefined);
const runnable: Readonly<Record<Arch, readonly string[] | undefined>> = {
  x64: process.arch === 'x64' ? [] : undefined,
  arm64: process.arch === 'arm64' ? [] : emulator === undefined ? undefined : [emulator],
};

for (const arch of ['x64', 'arm64'] as const) {
  const runner = runnable[arch];
  const it = runner === undefined ? test.skip : test;

  it(`${arch}: the player plays stores, indirect arguments, tolerated failures and forks`, (t) => {
    const player = join(directory, `player-${arch}`);
    writeFileSync(player, playerElf(arch), { mode: 0o700 });
    const write = (text: string) => ({ call: 'write', args: [1, text, text.length] }) as const;
    const program = {
      operations: [
        { call: 'socket', args: [1, 1, 0], result: { slot: 'socket' } },
        { call: 'close', args: [{ slot: 'socket', as: 'value' }] },
        { call: 'close', args: [{ slot: 'socket', as: 'value' }], tolerate: 9, skip: 1 },
        write('skipped'),
        { call: 'clone', args: [17, 0, 0, 0, 0], fork: true },
        write('child'),
        { call: 'exit_group', args: [42] },
      ],
    } as const;
    writeFileSync(join(directory, `program-${arch}`), encodeProgram(program, arch));
    const command = [...(runner ?? []), player].map((word) => `'${word}'`).join(' ');
    const script = `${command} 3<'${directory}/program-${arch}' 4>'${directory}/report-${arch}'; echo " $?"`;
    t.is(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), 'child 42\n');
    const report = readFileSync(join(directory, `report-${arch}`));
    t.is(report.readBigInt64LE(0), -1n);
    t.is(report.readInt32LE(8), 42 << 8);
  });

  it(`${arch}: a program follows on another one and finds its slots; one that is cut off is not played`, (t) => {
    const player = join(directory, `next-${arch}`);
    writeFileSync(player, playerElf(arch), { mode: 0o700 });
    const first = {
      operations: [
        { call: 'umask', args: [0o22], result: { slot: 'mask' } },
        { call: 'umask', args: [{ slot: 'mask', as: 'value' }], next: true },
        { call: 'exit_group', args: [1] },
      ],
    } as const;
    const second = {
      operations: [
        { call: 'umask', args: [0o77], result: { slot: 'other' } },
        { call: 'write', args: [1, 'second', 6] },
        { call: 'exit_group', args: [{ slot: 'mask', as: 'value' }] },
      ],
    } as const;
    const bytes = Buffer.concat([encodeProgram(first, arch), encodeProgram(second, arch, first)]);
    const command = [...(runner ?? []), player].map((word) => `'${word}'`).join(' ');
    const run = (program: Uint8Array): string => {
      writeFileSync(join(directory, `next-${arch}.program`), program);
      const script = `umask 011; ${command} 3<'${directory}/next-${arch}.program' 4>/dev/null; echo " $?"`;
      return execFileSync('sh', ['-c', script], { encoding: 'utf8' });
    };
    t.is(run(bytes), `second ${0o11}\n`);
    t.is(run(bytes.subarray(0, -1)), ' 125\n');
  });

  it(`${arch}: a refused call is reported with its place and errno`, (t) => {
    const player = join(directory, `refused-${arch}`);
    writeFileSync(player, playerElf(arch), { mode: 0o700 });
    const program = {
      operations: [
        { call: 'umask', args: [0] },
        { call: 'chdir', args: ['/absent'] },
      ],
    } as const;
    writeFileSync(join(directory, `refused-${arch}.program`), encodeProgram(program, arch));
    const command = [...(runner ?? []), player].map((word) => `'${word}'`).join(' ');
    const script = `${command} 3<'${directory}/refused-${arch}.program' 4>'${directory}/refused-${arch}.report'; echo $?`;
    t.is(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), '125\n');
    const report = readFileSync(join(directory, `refused-${arch}.report`));
    t.deepEqual([report.readBigInt64LE(0), report.readBigInt64LE(8)], [1n, 2n]);
  });
}
