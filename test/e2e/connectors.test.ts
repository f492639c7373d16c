/** The network of a build by each of the programs that can make it: the other one is hidden. */
import { createSocket } from 'node:dgram';
import { readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { findProgram, missingOf, runProgram, type Ended } from '../helpers/programs.js';
import { projectRoot } from '../helpers/project.js';
import { printed, StepSite } from './step-site.js';

const site = await StepSite.open('connectors');
test.after.always(() => site.close());

const out = process.env['TSBUILD_OUT'] ?? 'dist';
const launcher = join(projectRoot, out, 'test/helpers/run-compiled.js');
const programs = ['pasta', 'slirp4netns'] as const;

/** A server on an address of the loopback that says who it is. */
function listen(host: string): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`SAID-BY-${host}\n`);
  });
  return new Promise((resolve) => {
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({ port, close: () => server.close() });
    });
  });
}

const nameServer = '127.0.0.77';
const answer = [192, 0, 2, 55];

/** A name server on the loopback, as systemd-resolved is one: it gives every name one address (RFC 1035). */
function resolver(): Promise<{ close(): void }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const end = query.indexOf(0, 12) + 5;
    const isIPv4 = query.readUInt16BE(end - 4) === 1;
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(0x8180, 2);
    [1, isIPv4 ? 1 : 0, 0, 0].forEach((count, index) => head.writeUInt16BE(count, 4 + 2 * index));
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer]);
    socket.send(isIPv4 ? Buffer.concat([head, record]) : head, port, address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(53, nameServer, () => resolve({ close: () => socket.close() }));
  });
}

/** Builds where all connectors but one are hidden, and names are resolved by the server above. */
function buildWith(
  only: string | undefined,
  dockerfile: string,
  args: readonly string[] = [],
): Promise<Ended> {
  const { argv } = site.prepare(dockerfile, { args: ['--no-cache', ...args] });
  site.workspace.write({ 'resolv.conf': `search example.test\nnameserver ${nameServer}\noptions ndots:1\n` });
  const hidden = programs.filter((name) => name !== only).flatMap((name) => findProgram(name) ?? []);
  const mounts = [
    ...hidden.map((path) => `mount --bind /dev/null ${realpathSync(path)}`),
    `mount --bind ${site.workspace.path('resolv.conf')} /etc/resolv.conf`,
  ];
  const script = `${mounts.join(' && ')} && exec "$@"`;
  const command = ['unshare', '-m', 'sh', '-c', script, 'sh', process.execPath, launcher, ...argv];
  return runProgram(command, {
    cwd: site.workspace.folder,
    env: { TSBUILD_ROOT: site.workspace.store, CI: undefined },
  });
}

for (const name of programs) {
  const it = missingOf(['root', 'busybox', 'unshare', name]).length === 0 ? test.serial : test.serial.skip;

  it(`${name}: neither the loopback of the host nor metadata services; names by a server on the host's loopback`, async (t) => {
    const [one, dns] = await Promise.all([listen('127.0.0.1'), resolver()]);
    t.teardown(() => [one, dns].forEach((server) => server.close()));
    const built = await buildWith(
      name,
      `FROM base
RUN for a in 127.0.0.1 $(ip route | awk '/default/{print $3}') 10.0.2.2 169.254.1.1; do nc -w 1 $a ${one.port} </dev/null; done; echo tried
RUN nc -w 1 169.254.169.254 80 </dev/null 2>&1; echo $?
RUN cat /etc/resolv.conf; nslookup some.name | grep -c 192.0.2.55
RUN --network=none ip -o link | wc -l`,
    );
    t.is(built.code, 0, built.output);
    const lines = printed(built).split('\n');
    t.notRegex(printed(built), /SAID-BY/);
    t.true(lines.includes('tried') && lines.includes('1'), built.output);
    t.regex(printed(built), /unreachable|No route/);
    t.regex(printed(built), /^search example\.test$/m);
    t.regex(printed(built), /^options ndots:1$/m);
    t.regex(printed(built), name === 'pasta' ? /^nameserver 169\.254\.1\.1$/m : /^nameserver 10\.0\.2\.3$/m);
    t.notRegex(printed(built), /127\.0\.0\.77/);
    t.is(lines.at(-2), '1', built.output);
    t.notRegex(built.output, /WARNING/);
  });
}

const it = missingOf(['root', 'busybox', 'unshare']).length === 0 ? test.serial : test.serial.skip;

it('without any of them steps share the network of the host, which is said once', async (t) => {
  const one = await listen('127.0.0.1');
  t.teardown(() => one.close());
  const step = `nc -w 2 127.0.0.1 ${one.port} </dev/null; cat /etc/resolv.conf`;
  const built = await buildWith(undefined, `FROM base\nRUN ${step}\nRUN true; ${step}\n`);
  t.is(built.code, 0, built.output);
  t.is(printed(built).match(/SAID-BY-127\.0\.0\.1/g)?.length, 2);
  t.regex(printed(built), /^nameserver 127\.0\.0\.77$/m);
  const notices = built.output.split('\n').filter((line) => line.includes('slirp4netns is not installed'));
  t.is(notices.length, 1, built.output);
});

it('a port of the host that is asked for needs pasta', async (t) => {
  const built = await buildWith('slirp4netns', 'FROM base\nRUN echo ran\n', ['--host-port', '3128']);
  t.is(built.code, 0, built.output);
  t.regex(built.output, /pasta is not installed/);
  t.true(readFileSync(site.workspace.path('resolv.conf')).length > 0);
});
