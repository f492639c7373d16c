/** Cases of COPY, ADD and .dockerignore. */
import { inFiles, inTree, sampleFolder } from './dockerfile-case.js';
import type { DockerfileCase } from './dockerfile-case.js';

export const copyCases: readonly DockerfileCase[] = [
  {
    name: 'COPY: a file to a new name, into a folder, into a folder that exists',
    files: { 'a.txt': 'a\n' },
    dockerfile: `FROM base
COPY a.txt /new/b.txt
COPY a.txt /dir/
COPY a.txt /etc
COPY a.txt /dot/.`,
  },
  {
    name: 'COPY: a folder gives its contents; modes are kept',
    files: sampleFolder,
    prepare: 'chmod 0700 d/sub; chmod 0711 d/sub/deep',
    dockerfile: `FROM base
COPY d /target
COPY d/sub /etc/
COPY d/ /other/`,
  },
  {
    name: 'COPY: several sources, wildcards, a wildcard that matches nothing',
    files: sampleFolder,
    dockerfile: `FROM base
COPY d/one.txt d/two.txt /several/
COPY d/*.txt d/nothing* /wild/
COPY d/s* /flat/
COPY d/[^t]*.txt /class/
COPY d/t?o.txt /question/
COPY nothing* /never/`,
    buildah: { leftOut: 'it refuses a wildcard without a match' },
  },
  {
    name: 'COPY: JSON form with blanks, variables in paths, sources above the context',
    files: { 'with space.txt': 'x\n', 'v1/f': 'v\n', 'top.txt': 't\n' },
    dockerfile: `FROM base
ENV V=v1
COPY ["with space.txt", "/a b/"]
COPY \${V}/f /$V/
COPY ../../top.txt /top/
COPY /top.txt /top/again.txt`,
  },
  {
    name: 'COPY --chown: names, numbers, group alone',
    files: sampleFolder,
    dockerfile: `FROM base
COPY --chown=app d /app
COPY --chown=app:staff d/one.txt /name-group/
COPY --chown=42 d/one.txt /number/
COPY --chown=42:43 d /numbers/
COPY --chown=:7 d/one.txt /group/`,
    buildah: { leftOut: 'it refuses a group without a user' },
  },
  {
    name: 'COPY --chmod: octal',
    files: sampleFolder,
    dockerfile: `FROM base
COPY --chmod=640 d /octal/
COPY --chmod=0755 d/one.txt /file
COPY --chmod=4755 d/run.sh /setuid`,
    buildah: [inTree('the folder itself keeps 0755', /^octal$/, /mode/)],
  },
  {
    name: 'COPY --chmod: symbolic',
    files: sampleFolder,
    dockerfile: `FROM base
COPY --chmod=u=rwX,go=rX d /absolute/
COPY --chmod=go-r,u+x d /relative/
COPY --chmod=a+rX,u+s d/run.sh /made/on/the/way`,
    buildah: { leftOut: 'it knows octal modes only' },
  },
  {
    name: 'COPY --parents: with and without a pivot',
    files: sampleFolder,
    dockerfile: `FROM base
COPY --parents d/sub/three.txt /p/
COPY --parents ./d/./sub/deep /q/
COPY --parents d/**/*.txt /r/`,
    buildkit: { leftOut: 'Docker 28 has it behind a syntax line only' },
  },
  {
    name: 'COPY --exclude',
    files: sampleFolder,
    dockerfile: `FROM base
COPY --exclude=*.txt d /none/
COPY --exclude=**/*.txt --exclude=run.sh d /less/
COPY --exclude=sub d /flat/`,
    buildah: { leftOut: 'it matches the patterns from the root of the context' },
  },
  {
    name: 'COPY --link: parents and owners come from the copy alone',
    files: sampleFolder,
    dockerfile: `FROM base
COPY --link d /linked/
COPY --link --chown=5:6 d/one.txt /owned/file`,
  },
  {
    name: 'COPY: symbolic links are followed on top and kept below',
    files: sampleFolder,
    prepare: [
      'ln -s d/one.txt top-link; ln -s d dir-link',
      'ln -s one.txt d/inner; ln -s /etc/passwd d/absolute; ln -s sub d/folder; ln -s nowhere d/dangling',
    ].join('\n'),
    dockerfile: `FROM base
COPY top-link /file
COPY dir-link /folder
COPY d /all/`,
  },
  {
    name: 'COPY: hard links of the context stay links within one COPY',
    files: sampleFolder,
    prepare: 'ln d/one.txt d/same; ln d/one.txt d/sub/again',
    dockerfile: `FROM base
COPY d /linked/`,
    buildah: [inTree('copies them apart', /^linked/, /links/)],
  },
  {
    name: 'COPY: a destination that is a link is followed inside the root',
    files: sampleFolder,
    dockerfile: `FROM base
RUN mkdir -p /real/inner && ln -s /real /absolute && ln -s real/inner /relative && ln -s ../../../real /climbing
COPY d/one.txt /absolute/
COPY d/two.txt /relative/
COPY d/sub /climbing/sub`,
  },
  {
    name: 'COPY: setuid, setgid and sticky bits of context files',
    files: sampleFolder,
    prepare: 'chmod 4755 d/run.sh; chmod 2750 d/sub; chmod 1777 d/sub/deep',
    dockerfile: `FROM base
COPY d /bits/`,
    buildah: [inTree('drops setuid and setgid', /^bits/, /mode/)],
  },
  {
    name: 'COPY: long names, odd characters, empty files and folders',
    files: { 'd/empty': '', [`d/${'n'.repeat(200)}`]: 'long\n', 'd/quote\'"\\ü\n$': 'odd\n' },
    prepare: 'mkdir -p d/void "d/$(printf %0120d 1)/$(printf %0120d 2)"',
    dockerfile: `FROM base
COPY d /names/`,
  },
  {
    name: 'COPY over files of the base: replaced, joined, the mode of the folder kept',
    files: { 'etc/passwd': { content: 'root:x:0:0::/:/bin/sh\n', mode: 0o640 }, 'etc/new': 'new\n' },
    prepare: 'chmod 0750 etc',
    dockerfile: `FROM base
COPY etc /etc
COPY etc/new /etc/group`,
  },
  {
    name: 'COPY --from: by name, by number; owners survive; wildcards',
    dockerfile: `FROM base AS builder
RUN mkdir -p /out/sub && echo a > /out/a && echo b > /out/sub/b && chown -R app:staff /out && chmod 0700 /out/sub && ln -s a /out/link
FROM base
COPY --from=builder /out /copied
COPY --from=1 /out/a /number/
COPY --from=builder /out/[ab]* /wild/
COPY --from=builder --chown=0:0 out/sub/ /owned/`,
  },
  {
    name: 'COPY --from: fifos, devices, links and times; relative paths start at the root',
    dockerfile: `FROM base AS builder
WORKDIR /elsewhere
RUN mkdir /n && cd /n && mkfifo fifo && mknod null c 1 3 && mknod loop b 7 0 && echo x > f && ln f g && ln -s f l && touch -d @1234567890 f && chmod 0640 null && chown 3:4 fifo
FROM base
COPY --from=builder n /copied
COPY --from=builder n/fifo n/null /single/
COPY --from=builder --chown=7 --chmod=0600 n /owned/`,
    buildkit: [inFiles('block devices become character devices', /^(copied|owned)\/loop$/)],
    buildah: { leftOut: 'its steps cannot make devices' },
  },
  {
    name: 'COPY heredocs: expansion, none, several, tabs',
    dockerfile: `FROM base
ENV NAME=world
ARG WHO=arg
COPY <<EOF /hello.txt
Hello $NAME and \${WHO}, \\$NAME "quoted" 'single'
EOF
COPY <<'EOF' /plain.txt
Hello $NAME
EOF
COPY <<one <<two /both/
first
one
second
two
COPY --chmod=755 --chown=app <<-SCRIPT /bin/script
	#!/bin/sh
	  echo tabs are cut
	SCRIPT`,
    buildah: [inTree('keeps the escape', /^hello\.txt$/)],
  },
  {
    name: 'ADD: archives by content, a file that only looks like one',
    files: { 'd/f': 'f\n', 'd/g': { content: 'g\n', mode: 0o600 }, 'fake.tar.gz': 'not an archive\n' },
    prepare: [
      'ln -s f d/link; ln d/f d/hard',
      'tar --owner=7 --group=8 --mtime=@1600000000 -C d -cf plain.tar .',
      'gzip -k plain.tar; bzip2 -k plain.tar; xz -k plain.tar; mv plain.tar.xz renamed.data',
    ].join('\n'),
    dockerfile: `FROM base
ADD plain.tar /plain/
ADD plain.tar.gz /gz
ADD renamed.data /xz/
ADD plain.tar.bz2 /bz2/
ADD fake.tar.gz /fake/
ADD d /folder/
ADD --chown=app plain.tar /owned/`,
    buildah: [
      inTree('the folder gets the owner of the archive', /^(plain|gz|xz|bz2)$/, /owner/),
      inTree('--chown does not reach into archives', /^owned/, /owner/),
    ],
  },
  {
    name: '.dockerignore: patterns, exceptions below excluded folders',
    files: {
      ...sampleFolder,
      '.dockerignore': '# comment\n*.md\n**/*.log\nd/sub\n!d/sub/deep\nsecret*\n/anchored\n',
      'README.md': 'x',
      'x.log': 'x',
      'd/y.log': 'y',
      'secret.key': 'k',
      anchored: 'a',
      'd/anchored': 'a',
    },
    dockerfile: `FROM base
COPY . /all/`,
  },
  {
    name: '.dockerignore beside the Dockerfile replaces the one of the context',
    files: { '.dockerignore': '*\n', 'Dockerfile.dockerignore': 'b\n', a: 'a\n', b: 'b\n' },
    dockerfile: `FROM base
COPY a b* /some/`,
    buildah: { leftOut: 'it refuses a wildcard without a match' },
  },
];
