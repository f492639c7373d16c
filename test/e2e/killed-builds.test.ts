/**
 * Builders killed at random moments: after the next start no process, mount, control group or temporary file is left.
 * TSBUILD_KILLS=400 is the long form.
 */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findProgram, missingOf } from '../helpers/programs.js';
import { makeWorkspace, type Workspace } from '../helpers/tsbuild.js';

const kills = Number(process.env['TSBUILD_KILLS'] ?? '24');
const atOnce = 4;
const longest = 700;
const it = missingOf(['root', 'busybox']).length === 0 ? test : test.skip;

const mark = `tsbuild-killed-${process.pid}`;
const dockerfile = `
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV MARK=${mark}
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t (setsid sh -c 'trap "" TERM; sleep 1000' &) ; mkdir /d; for i in 1 2 3 4 5 6 7 8 9; do echo $i > /d/$i; usleep 30000; done
RUN --network=none usleep 100000; rm -r /d
`;

/** Starts a build and kills it after a while; gives its process id. */
async function killedBuild(workspace: Workspace, delay: number): Promise<number> {
  const running = workspace.start(['build', '-q', '--no-cache', '.']);
  const timer = setTimeout(() => running.signal('SIGKILL'), delay);
  await running.ended;
  clearTimeout(timer);
  return running.pid ?? 0;
}

function markedProcesses(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
    } catch {
      return false;
    }
  });
}

/** Control groups whose names hold one of these process ids. */
function groupsOf(pids: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const pending = ['/sys/fs/cgroup'];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const name of foldersIn(at)) {
      const pid = /^tsbuild-\d+-(\d+)-/.exec(name)?.[1];
      if (pid !== undefined && pids.has(pid)) found.push(`${at}/${name}`);
      else pending.push(`${at}/${name}`);
    }
  }
  return found;
}

/** Of groups that others made and removed meanwhile, or that only they may read, there are none. */
function foldersIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

it(`${kills} builds, ${atOnce} at a time, killed at random: nothing is left after the next one`, async (t) => {
  t.timeout(kills * 3000 + 60_000);
  const workspace = makeWorkspace('killed');
  t.teardown(() => workspace.remove());
  workspace.write({ Dockerfile: dockerfile });
  copyFileSync(findProgram('busybox') ?? '', workspace.path('busybox'));
  const pids = new Set<string>();
  let left = kills;
  const worker = async (): Promise<void> => {
    while (left-- > 0) pids.add(String(await killedBuild(workspace, Math.random() * longest)));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  while (markedProcesses().length > 0) await new Promise((resolve) => setImmediate(resolve)); // they die in a chain of signals

  const last = await workspace.tsbuild(['build', '-q', '--no-cache', '.']);
  t.is(last.code, 0, last.output);
  t.false(readFileSync('/proc/self/mounts', 'utf8').includes(workspace.store));
  t.deepEqual(groupsOf(pids), []);
  for (const folder of ['tmp', 'scratch'])
    t.deepEqual(readdirSync(join(workspace.store, folder)), [], folder);
});
