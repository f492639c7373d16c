/** A Python service with a user of its own, a volume, a health check and a file capability. */
import { existsSync } from 'node:fs';
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { readImageFacts } from '../helpers/image-facts.js';
import type { Fact } from '../helpers/image-facts.js';
import { freePort } from '../helpers/ports.js';
import { isRoot, outputOf } from '../helpers/programs.js';
import { registryAvailable, startRegistry } from '../helpers/registry-server.js';
import { missingForBundles, podmanIn, skopeoCopy, startBundle, unpackImage } from '../helpers/run-image.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';

const base = isRoot ? await findBase('debian') : undefined;
const workspace = makeWorkspace('service');
const podman = podmanIn(workspace.path('podman'));
test.after.always(() => workspace.remove());
const ready = hasCommandLine && base !== undefined;
const it = ready ? test.serial : test.serial.skip;
const itPushes =
  ready && registryAvailable && missingForBundles.length === 0 ? test.serial : test.serial.skip;
const itLoads = ready && podman !== undefined ? test.serial : test.serial.skip;

const dockerfile = `FROM scratch AS debian
ADD rootfs.tar.gz /

FROM debian
RUN useradd --system --uid 999 --home-dir /srv --shell /usr/sbin/nologin service \\
 && install -d -o service -g service -m 0750 /srv /srv/data
RUN cp /usr/bin/python3 /usr/local/bin/python-net && setcap cap_net_bind_service,cap_setuid+ep /usr/local/bin/python-net
COPY --chown=service:service --chmod=0644 service.py /srv/
WORKDIR /srv
VOLUME /srv/data
USER service
ENV PORT=8000
EXPOSE 8000/tcp
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=2s CMD python3 -c 'import service; service.check()' || exit 1
CMD ["python3", "-u", "service.py"]
`;

const program = `import os, sys, socket, threading

def serve():
    server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
    print("serving as", os.getuid(), flush=True)
    while True:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            body = b"uid %d\\n" % os.getuid()
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body) + body)

def check():
    socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 1).close()

if __name__ == "__main__":
    try:
        serve()
    except KeyboardInterrupt:
        sys.exit(0)
`;

test.before(() => {
  workspace.write({ 'c/Dockerfile': dockerfile, 'c/service.py': program });
  if (base !== undefined) placeBase(base, workspace.path('c'), 'rootfs.tar.gz');
});

const capability = 'xattr security.capability';
// VFS_CAP_REVISION_2, effective; CAP_SETUID (7) and CAP_NET_BIND_SERVICE (10) permitted; linux/capability.h
const capabilityValue = '0100000280040000000000000000000000000000';

function valueOf(facts: readonly Fact[], subject: string, attribute = ''): string | undefined {
  return facts.find((fact) => fact.subject === subject && fact.attribute === attribute)?.value;
}

it('keeps owners, modes and the file capability in an OCI layout', async (t) => {
  const layout = workspace.path('layout');
  const built = await workspace.tsbuild([
    'build',
    '--progress',
    'plain',
    '-t',
    'service',
    '-o',
    `type=oci,dest=${layout},tar=false`,
    workspace.path('c'),
  ]);
  t.is(built.code, 0, built.output);
  const facts = await readImageFacts(layout);
  t.is(valueOf(facts, 'usr/local/bin/python-net', capability), capabilityValue);
  t.is(valueOf(facts, 'srv', 'owner'), '999:999');
  t.is(valueOf(facts, 'srv/data', 'mode'), '0750');
  t.is(valueOf(facts, 'srv/service.py', 'owner'), '999:999');
  t.is(valueOf(facts, 'config.User'), '"service"');
  t.is(valueOf(facts, 'config.StopSignal'), '"SIGINT"');
  t.is(valueOf(facts, 'config.Healthcheck.Interval'), '5000000000');
  t.is(valueOf(facts, 'config.Healthcheck.Test[0]'), '"CMD-SHELL"');
  t.is(valueOf(facts, 'config.Volumes./srv/data'), '{}');
});

itPushes('pushed and pulled back: the same files; unpacked, it serves and ends by its signal', async (t) => {
  const registry = await startRegistry();
  const port = await freePort();
  try {
    const name = `${registry.host}/service`;
    const built = await workspace.tsbuild([
      'build',
      '--progress',
      'plain',
      '-t',
      name,
      '--push',
      workspace.path('c'),
    ]);
    t.is(built.code, 0, built.output);
    await skopeoCopy(`docker://${name}`, `dir:${workspace.path('copy')}`);
    const pulled = (await readImageFacts(workspace.path('copy'))).filter(({ section }) => section === 'tree');
    const written = (await readImageFacts(workspace.path('layout'))).filter(
      ({ section }) => section === 'tree',
    );
    t.deepEqual(pulled, written);

    const bundle = await unpackImage(`docker://${name}`, workspace.path('run'), [`PORT=${port}`]);
    const caps = await outputOf(['getcap', `${bundle}/rootfs/usr/local/bin/python-net`]);
    t.regex(caps, /cap_setuid,cap_net_bind_service=ep|cap_net_bind_service,cap_setuid=ep/);
    const server = startBundle(bundle);
    await server.printed(/serving as 999/);
    t.is(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'uid 999\n');
    server.signal('SIGINT');
    t.is((await server.ended).code, 0);
  } finally {
    await registry.close();
  }
});

itLoads('podman loads the archive of -o type=docker and runs it', async (t) => {
  if (podman === undefined) return;
  const archive = workspace.path('service.tar');
  const name = 'localhost/service:loaded';
  const args = ['-o', `type=docker,dest=${archive},name=${name}`, workspace.path('c')];
  const built = await workspace.tsbuild(['build', '--progress', 'plain', ...args]);
  t.is(built.code, 0, built.output);
  t.true(existsSync(archive));
  const loaded = await podman.run(['load', '-i', archive]);
  t.is(loaded.code, 0, loaded.output);
  t.regex(loaded.output, /localhost\/service:loaded/);
  const ran = await podman.run(['run', ...podman.runFlags, name, 'sh', '-c', 'id -un && pwd && ls -ld data']);
  t.is(ran.code, 0, ran.output);
  t.regex(ran.stdout, /^service\n\/srv\n.*service service/);
  // podman shows no health check of an image whose manifest is OCI's
  t.is(valueOf(await readImageFacts(archive), 'config.Healthcheck.Test[0]'), '"CMD-SHELL"');
});
