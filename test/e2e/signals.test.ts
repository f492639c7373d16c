/** Interrupting a build: everything that it started ends, the exit code says so, and the store stays usable. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { isRoot } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const busybox = await findBase('busybox');
const ready = hasCommandLine && busybox !== undefined && isRoot;
const it = ready ? test.serial : test.serial.skip;

/** Processes whose command line holds `mark`. */
function processesWith(mark: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(mark));
}

/** Those of them that are left when the kernel had time to end them. */
async function survivorsWith(mark: string): Promise<readonly string[]> {
  for (let attempt = 0; attempt < 100 && processesWith(mark).length > 0; attempt++) await setTimeout(50);
  return processesWith(mark);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // it ended meanwhile
  }
}

const cases = [
  { signal: 'SIGINT', code: 130 },
  { signal: 'SIGTERM', code: 143 },
] as const;

for (const { signal, code } of cases) {
  it(`${signal} during RUN ends the step and what it started; exit code ${code}`, async (t) => {
    const workspace = makeWorkspace('signal');
    const seconds = `${100_000 + process.pid}.${code}`; // tells these sleeps from those of other tests
    try {
      const dockerfile = `FROM scratch
ADD rootfs.tar /
RUN (trap '' INT TERM; sleep ${seconds}) & setsid sleep ${seconds} & echo begun; sleep ${seconds}
`;
      workspace.write({ 'c/Dockerfile': dockerfile });
      if (busybox !== undefined) placeBase(busybox, workspace.path('c'));
      const build = workspace.start(['build', '--progress', 'plain', workspace.path('c')]);
      await build.printed(/^#\d+ [\d.]+ begun/m);
      build.signal(signal);
      const ended = await build.ended;
      t.is(ended.code, code, ended.output);
      t.false(ended.timedOut);
      t.deepEqual(processesWith(`sleep\0${seconds}`), []);
      t.notRegex(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(workspace.folder));

      workspace.write({ 'c/Dockerfile': dockerfile.replace(/^RUN.*$/m, 'RUN echo again') });
      const again = await workspace.tsbuild(['build', '--progress', 'plain', workspace.path('c')]);
      t.is(again.code, 0, again.output);
    } finally {
      await workspace.remove();
    }
  });
}

it('SIGKILL during RUN: the step dies with tsbuild, and the next build works', async (t) => {
  const workspace = makeWorkspace('kill');
  const seconds = `${200_000 + process.pid}.9`;
  try {
    workspace.write({
      'c/Dockerfile': `FROM scratch\nADD rootfs.tar /\nRUN setsid sleep ${seconds} & echo begun; sleep ${seconds}\n`,
    });
    if (busybox !== undefined) placeBase(busybox, workspace.path('c'));
    const build = workspace.start(['build', '--progress', 'plain', workspace.path('c')]);
    await build.printed(/^#\d+ [\d.]+ begun/m);
    build.signal('SIGKILL');
    await build.ended;
    t.deepEqual(await survivorsWith(`sleep\0${seconds}`), []);
    workspace.write({ 'c/Dockerfile': 'FROM scratch\nADD rootfs.tar /\nRUN echo again\n' });
    const again = await workspace.tsbuild(['build', '--progress', 'plain', workspace.path('c')]);
    t.is(again.code, 0, again.output);
  } finally {
    await workspace.remove();
  }
});
