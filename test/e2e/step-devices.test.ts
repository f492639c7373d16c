/** RUN --device in real builds, with a CDI spec that shows /dev/full under another name. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { mode, testWhere, type Declare } from '../helpers/modes.js';
import { findProgram, runProgram } from '../helpers/programs.js';
import { printed, StepSite, stepTest, type BuildOf } from './step-site.js';

const site = await StepSite.open('devices');
test.after.always(() => site.close());

const specs = site.workspace.path('specs');
site.workspace.write({
  'vendor/lib': 'library\n',
  'specs/vendor.json': JSON.stringify({
    cdiVersion: '0.7.0',
    kind: 'vendor.com/full',
    containerEdits: { env: ['VENDOR=spec'] },
    devices: [
      {
        name: '0',
        containerEdits: {
          env: ['DEVICE=zero', 'PATH=/vendor/bin:/bin'],
          deviceNodes: [{ path: '/dev/vendor/mydev', hostPath: '/dev/full', fileMode: 0o640 }],
          mounts: [
            {
              hostPath: site.workspace.path('vendor'),
              containerPath: '/opt/vendor',
              options: ['ro', 'nosuid'],
            },
          ],
          additionalGids: [44],
        },
      },
      { name: '1', containerEdits: { env: ['DEVICE=one'] } },
    ],
  }),
  'specs/hooked.yaml': `
cdiVersion: 0.5.0
kind: vendor.com/hooked
devices:
- name: x
  containerEdits:
    hooks:
    - {hookName: createContainer, path: /usr/bin/vendor-hook}
- name: lost
  containerEdits:
    deviceNodes:
    - path: /dev/not-here
`,
  'specs/damaged.json': '{"cdiVersion"',
});

/** A build that may have all devices unless told otherwise. */
function build(dockerfile: string, { args = ['--allow', 'device'] }: BuildOf = {}) {
  return site.build(dockerfile, { args: ['--cdi-spec-dir', specs, ...args] });
}

stepTest('a device has its node, variables and mounts, and nothing of them is in the layer', async (t) => {
  const built = await build(
    `FROM base
RUN --device=vendor.com/full=0,required ! echo x > /dev/vendor/mydev && echo $VENDOR $DEVICE $PATH && cat /opt/vendor/lib && ! touch /opt/vendor/x && touch /made
RUN ! test -e /dev/vendor && ! test -e /opt/vendor && test -z "$DEVICE$VENDOR"`,
    { args: ['--allow', 'device', '-o', 'type=local,dest=out'] },
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /No space left on device/);
  t.regex(printed(built), /^spec zero \/vendor\/bin:\/bin$/m);
  t.regex(printed(built), /^library$/m);
  t.true(existsSync(site.workspace.path('out/made')));
  for (const path of ['dev/vendor', 'opt']) t.false(existsSync(join(site.workspace.path('out'), path)), path);
});

testWhere(
  mode !== 'single-id',
  'there is one user',
  stepTest,
)('a device brings groups', async (t) => {
  const built = await build('FROM base\nUSER 1000\nRUN --device=vendor.com/full=0 id -G\n');
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /\b44\b/);
});

stepTest('all devices of a kind, of which later ones count; the damaged spec is one warning', async (t) => {
  const built = await build(
    'FROM base\nRUN --device=vendor.com/full=* echo $DEVICE\nRUN --device=vendor.com/full=1 echo $DEVICE again\n',
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /^one$/m);
  t.regex(printed(built), /^one again$/m);
  t.is(built.output.match(/CDI specs are left out: .*damaged\.json.*it is not JSON/g)?.length, 1);
});

stepTest('a required device that is not there', async (t) => {
  const built = await build('FROM base\nRUN --device=vendor.com/other,required true\n');
  t.is(built.code, 4, built.output);
  t.regex(built.stderr, /Dockerfile:2/);
  t.regex(built.stderr, /error: the device "vendor\.com\/other" is not on this machine/);
  t.regex(built.stderr, /hint: .*specs; there are vendor\.com\/full=0, vendor\.com\/full=1/);
});

stepTest('an optional device that is not there: the step runs without it, allowed or not', async (t) => {
  for (const args of [['--allow', 'device'], []]) {
    const built = await build('FROM base\nRUN --device=vendor.com/other echo ran $DEVICE\n', {
      args: ['--no-cache', ...args],
    });
    t.is(built.code, 0, built.output);
    t.regex(printed(built), /^ran$/m);
    t.regex(built.output, /"vendor\.com\/other" is not on this machine/);
  }
});

stepTest('a device that was not allowed', async (t) => {
  for (const args of [[], ['--allow', 'device=vendor.com/full=1'], ['--allow', 'network.host']]) {
    const built = await build('FROM base\nRUN --device=vendor.com/full=0 true\n', { args });
    t.is(built.code, 2, built.output);
    t.regex(built.stderr, /Dockerfile:2/);
    t.regex(built.stderr, /"vendor\.com\/full=0", which is not allowed/);
    t.regex(built.stderr, /--allow device=vendor\.com\/full=0/);
  }
});

stepTest('one device that was allowed, and one by another name', async (t) => {
  const args = ['--allow', 'device=vendor.com/full=1,alias=gpu', '--allow=device=vendor.com/full=0'];
  const built = await build(
    'FROM base\nRUN --device=gpu echo $DEVICE\nRUN --device=vendor.com/full=0 echo $DEVICE\n',
    { args },
  );
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /^one\n(?:.*\n)*zero$/m);
});

stepTest('a step that is in the cache needs no device, and no other device has its key', async (t) => {
  const dockerfile = 'FROM base\nRUN --device=vendor.com/full=0,required echo kept > /kept\n';
  t.is((await build(dockerfile)).code, 0);
  const elsewhere = await site.build(dockerfile, { args: ['--cdi-spec-dir', site.workspace.path('none')] });
  t.is(elsewhere.code, 0, elsewhere.output);
  const other = await site.build(dockerfile.replace('=0', '=1'), {
    args: ['--cdi-spec-dir', site.workspace.path('none')],
  });
  t.is(other.code, 4, other.output);
});

stepTest('hooks are not run, which is said', async (t) => {
  const built = await build('FROM base\nRUN --device=vendor.com/hooked=x echo ran\n');
  t.is(built.code, 0, built.output);
  t.regex(built.output, /hooks of CDI specs are not run.*"createContainer \/usr\/bin\/vendor-hook"/);
});

stepTest('a node that the machine does not have', async (t) => {
  const built = await build('FROM base\nRUN --device=vendor.com/hooked=lost true\n');
  t.is(built.code, 4, built.output);
  t.regex(built.stderr, /"\/dev\/not-here", which cannot be used: ENOENT/);
});

const rootfulStepTest = testWhere(mode === 'rootful', 'only root of the machine has this mode', stepTest);

const withoutMknod: Declare = findProgram('setpriv') === undefined ? test.skip : rootfulStepTest;

withoutMknod('where no node can be made a step has the machine’s', async (t) => {
  const dockerfile =
    "FROM base\nRUN --device=vendor.com/full=0 stat -c '%F %a %t:%T' /dev/vendor/mydev; ! echo x > /dev/vendor/mydev\n";
  const { argv } = site.prepare(dockerfile, { args: ['--cdi-spec-dir', specs, '--allow', 'device'] });
  const without = ['setpriv', '--bounding-set', '-mknod', ...site.workspace.commandLine(argv)];
  const { folder, store } = site.workspace;
  const built = await runProgram(without, { cwd: folder, env: { TSBUILD_ROOT: store } });
  t.is(built.code, 0, built.output);
  t.regex(printed(built), /^character special file 666 1:7$/m);
  t.regex(printed(built), /No space left on device/);
});

rootfulStepTest('chroot mode has no devices, but what needs no mount', async (t) => {
  const args = ['--isolation', 'chroot', '--allow', 'device'];
  const refused = await build('FROM base\nRUN --device=vendor.com/full=0 true\n', { args });
  t.is(refused.code, 6, refused.output);
  t.regex(refused.stderr, /RUN --device is not to be had in isolation mode chroot/);
  t.regex(refused.stderr, /tsbuild doctor/);
  const built = await build('FROM base\nRUN --device=vendor.com/full=1 echo $DEVICE\n', { args });
  t.is(built.code, 0, built.output);
});
