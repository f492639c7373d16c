/** Limits and networks of RUN steps in real builds. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import test from 'ava';
import { LimitGroups } from '../../src/executor/limit-groups.js';
import { testWhere, type Declare } from '../helpers/modes.js';
import { findProgram, type Running } from '../helpers/programs.js';
import { printed, serialStepTest, StepSite, stepTest } from './step-site.js';

/** Where control groups can be made. */
const groupsHere = await (await LimitGroups.open()).make({});
await groupsHere.remove();
const limitTest = testWhere(groupsHere.lacking.length === 0, 'no control group can be made', serialStepTest);

const site = await StepSite.open('limits');
test.after.always(() => site.close());

/** Control groups of a builder, wherever they are mounted. */
function groups({ pid }: Running): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const points = mounts.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '');
  const own = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .map((line) => line.split(':')[2] ?? '/');
  const folders = points.flatMap((point) => own.map((path) => `${point}${path}`));
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder).filter((name) => new RegExp(`^tsbuild-\\d+-${pid}-`).test(name));
    } catch {
      return [];
    }
  });
}

limitTest('SBX-15: a step that takes too much memory is killed, and that is said', async (t) => {
  const built = await site.build('FROM base\nRUN exec dd if=/dev/zero of=/dev/null bs=300M count=1\n', {
    args: ['--memory', '64m'],
  });
  t.is(built.code, 4, built.output);
  t.regex(built.stderr, /ran out of memory: killed at the limit of 67108864 bytes \(exit code: 137\)/);
  t.regex(built.stderr, /hint: raise --memory/);
});

limitTest('SBX-15: a fork bomb ends at the limit of processes', async (t) => {
  const built = await site.build(
    'FROM base\nRUN i=0; while [ $i -lt 200 ]; do sleep 20 & i=$((i+1)); done; echo all started\n',
    { args: ['--pids-limit', '50'] },
  );
  t.not(built.code, 0, built.output);
  t.notRegex(printed(built), /all started/);
  t.regex(built.output, /can't fork/);
});

serialStepTest('--step-timeout ends a step, also one that does not want to end', async (t) => {
  const started = performance.now();
  const polite = await site.build('FROM base\nRUN sleep 60\n', { args: ['--step-timeout', '1s'] });
  t.is(polite.code, 4, polite.output);
  t.regex(polite.stderr, /did not end within 1 s/);
  t.true(performance.now() - started < 30_000);
  const stubborn = await site.build("FROM base\nRUN trap '' TERM; while true; do sleep 1; done\n", {
    args: ['--step-timeout', '1s'],
  });
  t.is(stubborn.code, 4, stubborn.output);
  t.regex(stubborn.stderr, /did not end within 1 s/);
});

limitTest('sizes, limits and names are those of the command line', async (t) => {
  const built = await site.build(
    "FROM base\nRUN df -k /dev/shm | tail -1 | awk '{print $2}'; ulimit -Sn; ulimit -Hn; grep example /etc/hosts; nproc\n",
    {
      args: [
        '--shm-size',
        '3m',
        '--ulimit',
        'nofile=123:456',
        '--cpus',
        '0.5',
        '--add-host',
        'example.test:192.0.2.7',
        '--add-host',
        'six.example=[2001:db8::1]',
      ],
    },
  );
  t.is(built.code, 0, built.output);
  t.deepEqual(printed(built).split('\n').slice(0, 5), [
    '3072',
    '123',
    '456',
    '192.0.2.7\texample.test',
    '2001:db8::1\tsix.example',
  ]);
});

serialStepTest('limits are in no key', async (t) => {
  const dockerfile = 'FROM base\nRUN echo RAN # keyed\n';
  t.is(printed(await site.build(dockerfile)), 'RAN');
  t.is(printed(await site.build(dockerfile, { args: ['-m', '1g', '--add-host', 'a:192.0.2.1'] })), '');
});

for (const args of [
  ['--memory', '0'],
  ['--memory', 'much'],
  ['--cpus', '-1'],
  ['--pids-limit', '0'],
  ['--ulimit', 'nofile'],
  ['--ulimit', 'nofile=5:4'],
  ['--ulimit', '__proto__=1'],
  ['--shm-size', '1e9'],
  ['--step-timeout', '0'],
  ['--host-port', '65536'],
  ['--add-host', 'name:not-an-address'],
  ['--allow', 'everything'],
  ['--ssh', '=x'],
]) {
  test(`refused: ${args.join(' ')}`, async (t) => {
    const built = await site.build('FROM base\n', { args });
    t.is(built.code, 2, built.output);
  });
}

limitTest('no control group is left, also when the builder was killed', async (t) => {
  const whole = site.start('FROM base\nRUN echo whole\n', { args: ['-m', '1g'] });
  t.is((await whole.ended).code, 0);
  t.deepEqual(groups(whole), []);
  const killed = site.start('FROM base\nRUN echo here; sleep 120\n', { args: ['-m', '1g'] });
  t.teardown(() => killed.signal('SIGKILL'));
  await killed.printed(/ here$/m);
  t.true(groups(killed).length > 0);
  killed.signal('SIGKILL');
  await killed.ended;
  const next = await site.build('FROM base\nRUN echo whole\n');
  t.is(next.code, 0, next.output);
  t.deepEqual(groups(killed), [], 'a build that runs nothing sweeps too');
});

stepTest('SBX-14: --network=none has a loopback interface and no other', async (t) => {
  const built = await site.build(
    "FROM base\nRUN --network=none ip -o link | wc -l; ip route | wc -l; ip addr show lo | grep -c 'inet '; ! nslookup -timeout=1 example.com\n",
  );
  t.is(built.code, 0, built.output);
  t.deepEqual(printed(built).split('\n').slice(0, 3), ['1', '0', '1']);
});

/** A server on 127.0.0.1 that says who it is. */
async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HOST-LOOPBACK\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

const isolates = findProgram('pasta') !== undefined || findProgram('slirp4netns') !== undefined;
const isolatedTest: Declare = isolates ? stepTest : test.skip;
const forwardingTest: Declare = findProgram('pasta') === undefined ? test.skip : stepTest;

isolatedTest(
  'SBX-14: the default network reaches neither the loopback of the host nor metadata services',
  async (t) => {
    const { server, port } = await listen();
    const abstract = createServer(() => undefined);
    const name = `tsbuild-${randomUUID()}`; // these tests run in several places at once
    await new Promise<void>((resolve) => abstract.listen(`\0${name}`, () => resolve()));
    const built = await site.build(`FROM base
RUN for a in 127.0.0.1 $(ip route | awk '/default/{print $3}') 10.0.2.2 169.254.1.1; do nc -w 1 $a ${port} </dev/null; done; echo tried
RUN ip route get 169.254.169.254; nc -w 1 169.254.169.254 80 </dev/null; echo $?; ! grep ${name} /proc/net/unix`);
    server.close();
    abstract.close();
    t.is(built.code, 0, built.output);
    t.notRegex(printed(built), /HOST-LOOPBACK/);
    t.regex(printed(built), /unreachable|can't|No route/);
  },
);

isolatedTest('the steps of a build share one network, and no other build', async (t) => {
  const dockerfile = `FROM base AS server
RUN --mount=type=cache,id=meet,target=/c echo from-another-step | nc -l -p 7777 -w 40 >/dev/null & i=0; while [ $i -lt 300 ] && ! [ -e /c/done ]; do i=$((i+1)); sleep 0.1; done; kill %1 2>/dev/null; true
FROM base
RUN --mount=type=cache,id=meet,target=/c i=0; while [ $i -lt 200 ]; do i=$((i+1)); nc -w 20 127.0.0.1 7777 </dev/null && break; sleep 0.1; done; touch /c/done
RUN --mount=from=server,target=/s true`;
  const built = await site.build(dockerfile, { args: ['--jobs', '2'] });
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /from-another-step/);
});

forwardingTest('--host-port makes one port of the host reachable', async (t) => {
  const { server, port } = await listen();
  const other = await listen();
  const built = await site.build(
    `FROM base\nRUN nc -w 2 127.0.0.1 ${port} </dev/null; nc -w 1 127.0.0.1 ${other.port} </dev/null; true\n`,
    { args: ['--host-port', `${port}`] },
  );
  server.close();
  other.server.close();
  t.is(built.code, 0, built.output);
  t.is(printed(built).match(/HOST-LOOPBACK/g)?.length, 1, built.output);
});

stepTest('DF-07: --network=host and --security=insecure run nothing until they are allowed', async (t) => {
  const { server, port } = await listen();
  const dockerfile = `FROM base\nRUN echo RAN\nRUN --network=host nc -w 2 127.0.0.1 ${port} </dev/null\n`;
  const refused = await site.build(dockerfile);
  t.is(refused.code, 2, refused.output);
  t.is(printed(refused), '');
  t.regex(refused.stderr, /--allow network\.host/);
  const allowed = await site.build(dockerfile, { args: ['--allow', 'network.host'] });
  const all = await site.build(dockerfile.replace('--network=host', ''), {
    args: ['--network', 'host', '--no-cache'],
  });
  server.close();
  t.regex(printed(allowed), /HOST-LOOPBACK/, allowed.output);
  t.regex(printed(all), /HOST-LOOPBACK/, all.output);
  const insecure =
    'FROM base\nRUN --security=insecure <<E\ngrep CapEff /proc/self/status\nmount -t tmpfs none /mnt || mkdir /mnt && mount -t tmpfs none /mnt && echo MOUNTED\nE\n';
  const no = await site.build(insecure, { args: ['--allow', 'network.host'] });
  t.is(no.code, 2, no.output);
  t.is(printed(no), '');
  const yes = await site.build(insecure, { args: ['--allow', 'security.insecure'] });
  t.regex(printed(yes), /MOUNTED/, yes.output);
});

stepTest('DF-17: rights that an ONBUILD asks for are refused too', async (t) => {
  const base = await site.build('FROM base\nONBUILD RUN --security=insecure echo RAN\n', {
    args: ['-t', 'localhost/onbuild-base'],
  });
  t.is(base.code, 0, base.output);
  const built = await site.build('FROM localhost/onbuild-base\nRUN echo RAN\n');
  t.is(built.code, 2, built.output);
  t.is(printed(built), '');
  t.regex(built.stderr, /--allow security\.insecure/);
});
