/** SBX-26: packages are installed in every mode, also where one id stands for all; what is recorded of their owners. */
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { mode, type Declare } from '../helpers/modes.js';
import { isRoot } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace } from '../helpers/tsbuild.js';
import { printed } from './step-site.js';

const base = isRoot && hasCommandLine ? await findBase('debian') : undefined;
const it: Declare = base === undefined ? test.skip : test;

/** A package whose scripts do what scripts of packages do: users, owners, setuid programs, devices, locks. */
const dockerfile = `FROM scratch
ADD rootfs.tar /
ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C
RUN <<END
  set -e
  mkdir -p /package/DEBIAN /package/usr/bin /package/var/lib/probe /repository
  printf '%s\\n' 'Package: probe' 'Version: 1' 'Architecture: all' 'Maintainer: x <x@example.com>' 'Description: x' > /package/DEBIAN/control
  printf '%s\\n' '#!/bin/sh' 'set -e' 'id -u probe >/dev/null 2>&1 || useradd --system --user-group probe' 'chown -R probe:probe /var/lib/probe' \\
    'chown root:mail /usr/bin/probe' 'chmod 2755 /usr/bin/probe' 'install -d -o www-data -g www-data /var/www-probe' \\
    'mknod /var/lib/probe/device c 1 3 || true' 'chgrp 4 /var/lib/probe/file' > /package/DEBIAN/postinst
  printf '#!/bin/sh\\necho installed\\n' > /package/usr/bin/probe
  echo x > /package/var/lib/probe/file
  chmod 755 /package/DEBIAN/postinst /package/usr/bin/probe
  dpkg-deb --build /package /repository/probe.deb
  cd /repository
  { cat /package/DEBIAN/control; echo "Filename: ./probe.deb"; echo "Size: $(stat -c %s probe.deb)"; echo "SHA256: $(sha256sum probe.deb | cut -d' ' -f1)"; } > Packages
  rm -f /etc/apt/sources.list.d/*
  echo 'deb [trusted=yes] file:/repository ./' > /etc/apt/sources.list
END
RUN apt-get update && apt-get install -y probe && probe
RUN apt-get install -y --reinstall probe && dpkg --verify probe; dpkg -s probe | grep Status
RUN stat -c '%n %u:%g %a' /var/lib/probe/file /usr/bin/probe /var/www-probe; id -u probe > /dev/null && grep -c '^probe:' /etc/passwd /etc/group /etc/shadow
RUN apt-get purge -y probe && ! test -e /usr/bin/probe
USER www-data
RUN id -u; ! touch /etc/x 2>/dev/null || echo "one user of the machine"
`;

it('SBX-26: apt and dpkg install, check and remove a package with users, owners and setgid programs', async (t) => {
  t.timeout(240_000);
  const workspace = makeWorkspace('packages');
  t.teardown(() => workspace.remove());
  if (base !== undefined) placeBase(base, workspace.path('c'));
  workspace.write({ 'c/Dockerfile': dockerfile });
  const built = await workspace.tsbuild(['build', '--progress', 'plain', 'c'], { timeout: 200_000 });
  t.is(built.code, 0, built.output.slice(-6000));
  const lines = printed(built).split('\n');
  t.true(lines.includes('installed'), built.output.slice(-6000));
  t.true(lines.includes('Status: install ok installed'), built.output.slice(-6000));
  const owners = lines
    .filter((line) => /^\/(var|usr)\/\S*probe\S* /.test(line))
    .map((line) => line.replace(/^\S+ /, ''));
  if (mode === 'single-id') t.deepEqual(owners, ['0:0 644', '0:0 2755', '0:0 755']);
  else t.regex(owners.join(), /^\d{3}:4 644,0:8 2755,33:33 755$/);
  t.deepEqual(lines.filter((line) => /^\/etc\/(passwd|group|shadow):1$/.test(line)).length, 3);
  t.true(lines.includes('33'));
});
