/** What RUN steps are given in chroot mode: secrets, agents, limits; refusals; and what is left when the builder is killed. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compileAgentClient, startAgent } from '../helpers/ssh-agent.js';
import { printed, serialStepTest, StepSite, stepTest, type BuildOf } from './step-site.js';

const site = await StepSite.open('chroot-mode');
test.after.always(() => site.close());

const build = (dockerfile: string, { args = [], ...options }: BuildOf = {}) =>
  site.build(dockerfile, { ...options, args: ['--isolation', 'chroot', ...args] });

const secret = 'CHROOT-SECRET-0123456789';

stepTest('SBX-20: secrets are pipes with their owner and mode, and nothing of them is kept', async (t) => {
  const built = await build(
    `FROM base
RUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/new/dir/k,mode=0640,uid=1000,gid=1000,env=S \\
  stat -c '%F %a %u:%g' /run/secrets/s /new/dir/k; for i in 1 2 3; do test "$(cat /run/secrets/s)" = "$S" && echo same; done; wc -c < /new/dir/k
USER 1000
RUN --mount=type=secret,id=s ! cat /run/secrets/s; echo refused
RUN --mount=type=secret,id=s,uid=1000 wc -c < /run/secrets/s
RUN ! test -e /run && ! test -e /new`,
    { args: ['--secret', 'id=s,env=S', '-t', 'localhost/with-secrets'], env: { S: secret } },
  );
  t.is(built.code, 0, built.output);
  t.deepEqual(
    printed(built)
      .split('\n')
      .filter((line) => !line.includes('denied')),
    ['fifo 400 0:0', 'fifo 640 1000:1000', 'same', 'same', 'same', '24', 'refused', '24'],
  );
  for (const [path, bytes] of site.storedFiles()) t.false(bytes.includes(secret), path);
});

stepTest('SBX-21: an agent answers, and takes no key', async (t) => {
  const client = compileAgentClient(site.workspace.path('client'));
  if (client === undefined) return void t.pass('no compiler');
  const path = site.workspace.path('agent.sock');
  const agent = await startAgent(path);
  t.teardown(() => agent.close());
  const dockerfile = `FROM base
COPY --chmod=755 client /client
USER 1000
RUN --mount=type=ssh,uid=1000,mode=0600 stat -c '%F %a %u' $SSH_AUTH_SOCK; /client
RUN ! test -e /run && test -z "$SSH_AUTH_SOCK"`;
  const built = await build(dockerfile, {
    args: ['--ssh', 'default', '-t', 'localhost/with-agent'],
    files: { client: { content: client, mode: 0o755 } },
    env: { SSH_AUTH_SOCK: path },
  });
  t.is(built.code, 0, built.output);
  t.is(printed(built), 'socket 600 1000\n12\n5');
  t.deepEqual(agent.seen, [11]);
});

serialStepTest('SBX-15: memory and processes are limited where control groups can be made', async (t) => {
  const memory = await build('FROM base\nRUN exec dd if=/dev/zero of=/dev/null bs=300M count=1\n', {
    args: ['--memory', '64m'],
  });
  t.is(memory.code, 4, memory.output);
  t.regex(memory.stderr, /ran out of memory: killed at the limit of 67108864 bytes/);
  const processes = await build(
    'FROM base\nRUN i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done; echo all started\n',
    { args: ['--pids-limit', '30'] },
  );
  t.not(processes.code, 0);
  t.regex(processes.output, /can't fork/);
});

stepTest('what chroot mode cannot keep is refused, with the way to more', async (t) => {
  for (const dockerfile of ['RUN --network=none true', 'RUN --security=insecure true']) {
    const built = await build(`FROM base\n${dockerfile}\n`, { args: ['--allow', 'security.insecure'] });
    t.is(built.code, 6, built.output);
    t.regex(built.stderr, /is not to be had in isolation mode chroot/);
    t.regex(built.stderr, /tsbuild doctor/);
  }
});

/** Paths below a folder that are no folders, links or plain files. */
function special(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return special(path);
    return lstatSync(path).isFIFO() || lstatSync(path).isSocket() ? [path] : [];
  });
}

serialStepTest('SBX-20: a builder that is killed leaves no pipe, no socket and no secret', async (t) => {
  const dockerfile =
    'FROM base\nRUN --mount=type=secret,id=s --mount=type=cache,target=/c cat /run/secrets/s | wc -c; echo here; sleep 120\n';
  const running = site.start(dockerfile, {
    args: ['--isolation', 'chroot', '--secret', 'id=s,env=S'],
    env: { S: secret },
  });
  await running.printed(/ here$/m);
  running.signal('SIGKILL');
  await running.ended;
  for (const [path, bytes] of site.storedFiles()) t.false(bytes.includes(secret), path);
  const next = await build('FROM base\nRUN echo next\n');
  t.is(next.code, 0, next.output);
  t.deepEqual(special(site.workspace.store), []);
  t.deepEqual(readdirSync(join(site.workspace.store, 'scratch')), []);
});
