/** RUN for another processor, with an emulator registered in a binfmt_misc of a user namespace of its own. */
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/project.js';
import { findProgram, missingOf, runProgram, type Ended } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const inPlace = join(projectRoot, out, 'test/helpers/in-place.js');
const tsbuild = join(projectRoot, out, 'test/helpers/run-compiled.js');
const emulator = findProgram('qemu-aarch64-static');
const workspace = makeWorkspace('emulators');

/** A program for arm64 that writes a line: an ELF file of one segment with eight instructions. */
function arm64Program(line: string): Buffer {
  const text = Buffer.from(line);
  const head = Buffer.alloc(120);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const [EXEC, AARCH64, LOAD, readAndExecute] = [2, 183, 1, 5];
  [EXEC, AARCH64].forEach((value, index) => head.writeUInt16LE(value, 16 + 2 * index));
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(0x400078n, 24); // entry, behind the headers
  head.writeBigUInt64LE(64n, 32);
  [64, 56, 1].forEach((value, index) => head.writeUInt16LE(value, 52 + 2 * index));
  const code = Uint32Array.of(
    0xd2800020, // mov x0, 1
    0x100000e1, // adr x1, text
    0xd2800002 | (text.length << 5), // mov x2, length
    0xd2800808, // mov x8, write
    0xd4000001, // svc 0
    0xd2800000, // mov x0, 0
    0xd2800ba8, // mov x8, exit
    0xd4000001, // svc 0
  );
  const size = BigInt(head.length + code.byteLength + text.length);
  [LOAD, readAndExecute].forEach((value, index) => head.writeUInt32LE(value, 64 + 4 * index));
  [0n, 0x400000n, 0x400000n, size, size, 0x1000n].forEach((value, index) =>
    head.writeBigUInt64LE(value, 72 + 8 * index),
  );
  return Buffer.concat([head, new Uint8Array(code.buffer), text]);
}

const magic =
  '\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:' +
  '\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff';

/** Runs tsbuild as root of a user namespace in which the emulator is registered with these flags, if any. */
function withEmulator(flags: string | undefined, args: readonly string[]): Promise<Ended> {
  const folder = '/proc/sys/fs/binfmt_misc';
  const mount = `mount -t binfmt_misc none ${folder} || exit 99;`;
  const register =
    flags === undefined
      ? ''
      : `printf %s ':qemu-aarch64:M::${magic}:${emulator}:${flags}' > ${folder}/register || exit 99;`;
  const script = `${mount} ${register} exec "$@"`;
  const argv = [
    process.execPath,
    inPlace,
    'rootless',
    findProgram('unshare') ?? '',
    '-m',
    'sh',
    '-c',
    script,
  ];
  return runProgram([...argv, 'sh', process.execPath, tsbuild, ...args], {
    cwd: workspace.folder,
    env: { TSBUILD_ROOT: join(workspace.folder, 'store'), CI: undefined },
  });
}

async function canRegister(): Promise<boolean> {
  if (process.arch !== 'x64' || !hasCommandLine || emulator === undefined) return false;
  if (missingOf(['root', 'unshare']).length > 0) return false;
  return (await withEmulator('F', ['version'])).code === 0; // Linux 6.7
}

const usable = await canRegister();
test.after.always(() => workspace.remove());
const it = usable ? test.serial : test.serial.skip;

workspace.write({
  Dockerfile:
    'FROM scratch\nCOPY --chmod=755 program /program\nRUN ["/program"]\nCOPY Dockerfile /\nCMD ["/program"]\n',
  program: { content: arm64Program('emulated\n'), mode: 0o755 },
});
const build = ['build', '--progress', 'plain', '--platform', 'linux/arm64', '-t', 'foreign', '.'];

it('a RUN for arm64 is emulated, and so is `tsbuild run`', async (t) => {
  const built = await withEmulator('F', build);
  t.is(built.code, 0, built.output);
  t.regex(built.output, /^#\d+ \d+\.\d+ emulated$/m);
  const ran = await withEmulator('F', ['run', '--platform', 'linux/arm64', 'foreign']);
  t.is(ran.stdout, 'emulated\n', ran.output);
  t.regex((await withEmulator('F', ['doctor'])).stdout, /RUN for arm64 +yes +registered/);
});

it('an emulator without the flag F would have to be in the image', async (t) => {
  const built = await withEmulator('', [...build, '--no-cache']);
  t.is(built.code, 4, built.output);
  t.regex(built.stderr, /registered without the flag F/);
  t.regex(built.stderr, /tonistiigi\/binfmt --install all/);
  t.regex((await withEmulator('', ['doctor'])).stdout, /RUN for arm64 +no +the emulator lacks the flag F/);
});

it('without an emulator the build says how to register one', async (t) => {
  const built = await withEmulator(undefined, [...build, '--no-cache']);
  t.is(built.code, 4, built.output);
  t.regex(built.stderr, /cannot run on this machine: no emulator is registered in binfmt_misc/);
  t.regex(built.stderr, /install qemu-user-static and binfmt-support/);
});
