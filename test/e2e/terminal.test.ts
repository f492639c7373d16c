/** `tsbuild run -it` and `build --debug-shell` on a terminal. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/project.js';
import { findProgram, missingOf } from '../helpers/programs.js';
import { hasTerminal, onTerminal, type TerminalEnd, type TerminalStep } from '../helpers/terminal.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const compiled = (name: string): string => join(projectRoot, out, 'test/helpers', name);
const usable = hasTerminal && hasCommandLine && missingOf(['root', 'busybox']).length === 0;
const it = usable ? test : test.skip;
const workspace = makeWorkspace('terminal');
test.after.always(() => workspace.remove());

test.before(async (t) => {
  if (!usable) return;
  workspace.write({
    'image/Dockerfile':
      'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n' +
      "RUN mkdir -p /etc /tmp && echo 'app:x:1000:1000::/tmp:/bin/sh' > /etc/passwd && chmod 1777 /tmp\n",
    'broken/Dockerfile':
      'FROM terminal\nWORKDIR /work\nUSER app\nENV A=from-image\nRUN echo made > /tmp/made; exit 9\n',
  });
  copyFileSync(findProgram('busybox') ?? '', workspace.path('image/busybox'));
  const { code, output } = await workspace.tsbuild(['build', '-q', '-t', 'terminal', 'image']);
  t.is(code, 0, output);
});

/** Runs tsbuild on a terminal, in this place or another one. */
function tsbuild(
  args: readonly string[],
  steps: readonly TerminalStep[],
  place: readonly string[] = [],
): Promise<TerminalEnd> {
  const argv = [...place, process.execPath, compiled('run-compiled.js'), ...args];
  return onTerminal(argv, steps, {
    cwd: workspace.folder,
    env: { TSBUILD_ROOT: workspace.store, CI: undefined, PS1: undefined },
  });
}

/** A command that says when it can be interrupted: a key that comes before is the shell's. */
const waiting = `sh -c 'trap "exit 130" INT; echo wait""ing; while :; do usleep 10000; done'\r`;

const session: readonly TerminalStep[] = [
  ['expect', '[#$] '],
  ['send', 'tty; stty size; echo term=$TERM\r'],
  ['expect', '/dev/pts/0\\r\\n24 80\\r\\nterm=xterm'],
  ['resize', 40, 100],
  ['send', 'until [ "$(stty size)" = "40 100" ]; do usleep 10000; done; echo resi""zed\r'],
  ['expect', 'resized'],
  ['send', waiting],
  ['expect', 'waiting'],
  ['send', '\u0003'],
  ['expect', '[#$] '],
  ['send', 'echo code=$?\r'],
  ['expect', 'code=130'],
  ['send', 'test -t 0 && test -t 1 && test -t 2 && exit 7\r'],
];

it('run -it: a terminal of its size, keys that interrupt, the exit code, everything as it was', async (t) => {
  const ended = await tsbuild(['run', '--rm', '-it', '-e', 'PS1=# ', 'terminal', 'sh'], session);
  t.deepEqual([ended.failure, ended.code, ended.restored], [undefined, 7, true], ended.output);
});

it('run -it in a user namespace: the same', async (t) => {
  const args = ['run', '-it', '--isolation=single-id', '-e', 'PS1=# ', 'terminal', 'sh'];
  const ended = await tsbuild(args, session);
  t.deepEqual([ended.failure, ended.code, ended.restored], [undefined, 7, true], ended.output);
});

it('run -it: the end of the input ends a shell; a signal is 128 and its number', async (t) => {
  const end = await tsbuild(
    ['run', '-it', '-e', 'PS1=# ', 'terminal', 'sh'],
    [
      ['expect', '# '],
      ['send', '\u0004'],
    ],
  );
  t.deepEqual([end.failure, end.code, end.restored], [undefined, 0, true], end.output);
  const killed = await tsbuild(
    ['run', '-it', 'terminal', 'sh', '-c', 'echo up; exec sleep 1000'],
    [
      ['expect', 'up'],
      ['send', '\u0003'],
    ],
  );
  t.deepEqual([killed.code, killed.restored], [130, true], killed.output);
});

it('run -t without -i: what the command writes comes through a terminal', async (t) => {
  const ended = await tsbuild(['run', '-t', 'terminal', 'sh', '-c', 'tty; stty size'], []);
  t.deepEqual([ended.code, ended.restored], [0, true], ended.output);
  t.regex(ended.output, /\/dev\/pts\/0\r\n24 80\r\n$/);
});

it('--debug-shell: a shell in the step that failed, with its user, folder and changes', async (t) => {
  const ended = await tsbuild(
    ['build', '--debug-shell', '--no-cache', 'broken'],
    [
      ['expect', 'The step failed; this is a shell in it[^$]*\\$ '],
      ['send', 'id -u; pwd; cat /tmp/made; echo $A; stty size\r'],
      ['expect', '1000\\r\\n/work\\r\\nmade\\r\\nfrom-image\\r\\n24 80'],
      ['send', waiting],
      ['expect', 'waiting'],
      ['send', '\u0003'],
      ['expect', '\\$ '],
      ['send', 'echo lost > /tmp/made; exit 3\r'],
    ],
  );
  t.deepEqual([ended.failure, ended.code, ended.restored], [undefined, 4, true], ended.output);
  t.regex(ended.output, /exit code: 9/);
});
