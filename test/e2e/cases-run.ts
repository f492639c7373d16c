/** Cases of RUN: what a step sees, and what of it becomes a layer. */
import { inTree, sampleFolder } from './dockerfile-case.js';
import type { DockerfileCase } from './dockerfile-case.js';

export const runCases: readonly DockerfileCase[] = [
  {
    name: 'RUN: environment, working folder, standard input, umask, shell',
    dockerfile: `FROM base
ENV A=1 B="two words"
ARG C=three
WORKDIR /place/dir
RUN env | sort > /env && pwd > /pwd && umask > /umask && wc -c > /stdin && echo $0 > shell && hostname > /hostname`,
    buildah: [inTree('sets other variables and another host name', /^(env|hostname)$/)],
  },
  {
    name: 'RUN: exec form, shell form with continuations and comments',
    dockerfile: `FROM base
RUN ["/bin/sh", "-c", "echo exec $HOME > /exec"]
RUN echo one > /list && \\
    # a comment within
    echo two >> /list && \\

    echo "three  # not a comment" >> /list`,
  },
  {
    name: 'RUN heredocs: script, shebang, several, quoted',
    dockerfile: `FROM base
ENV X=env
RUN <<EOF
echo "one $X" > /one
false
echo two > /two
EOF
RUN <<'SCRIPT'
#!/bin/sh
set -e
echo "script $X" > /script
SCRIPT
RUN cat <<a > /a && cat <<-b > /b
content $X
a
	content b
	b`,
    buildah: [inTree('leaves the folder of the script', /^dev/)],
  },
  {
    name: 'RUN: files deleted, folders replaced, emptied, renamed',
    dockerfile: `FROM base
RUN mkdir -p /t/a/b /t/c /t/d/e && echo 1 > /t/a/b/1 && echo 2 > /t/c/2 && echo 3 > /t/d/e/3 && echo 4 > /t/4
RUN rm /t/4 && rm -r /t/c && echo now a file > /t/c && rm -r /t/a/b && mkdir /t/a/b && echo fresh > /t/a/b/new
RUN mv /t/d /t/moved && mkdir /t/4 && rm -rf /t/a/b && mkdir -m 0700 /t/a/b`,
  },
  {
    name: 'RUN: hard links, symbolic links, fifos, modes, owners, times',
    dockerfile: `FROM base
RUN mkdir /l && echo x > /l/1 && ln /l/1 /l/2 && ln /l/1 /l/3 && ln -s 1 /l/s && mkfifo /l/fifo && chmod 4711 /l/1
RUN rm /l/2 && chown app:audio /l/3 && touch -d @1234567890 /l/1 && chmod 0500 /l
RUN chmod 0600 /etc/passwd && chown 1:1 /etc/group && touch -d @1000000000 /bin`,
  },
  {
    name: 'RUN: a link group of a lower layer is broken only for the names that change',
    dockerfile: `FROM base
RUN mkdir /h && echo x > /h/1 && ln /h/1 /h/2 && ln /h/1 /h/3
RUN echo y >> /h/2
RUN chmod 0600 /h/1 && rm /h/3`,
  },
  {
    name: 'RUN that changes nothing, or makes and removes, is a layer too',
    dockerfile: `FROM base
RUN true
RUN touch /x && rm /x
RUN mkdir -p /gone/deep && rm -r /gone`,
  },
  {
    name: 'RUN --mount: bind, cache, tmpfs, secret leave nothing behind',
    files: { ...sampleFolder, secret: 'hush\n' },
    args: ['--secret', 'id=token,src=secret'],
    dockerfile: `FROM base AS other
RUN echo from other > /file
FROM base
RUN --mount=type=bind,source=d,target=/mnt/bind cat /mnt/bind/one.txt > /bound
RUN --mount=from=other,target=/mnt/other cat /mnt/other/file > /from-stage
RUN --mount=type=cache,target=/var/cache/x echo kept > /var/cache/x/kept && ls /var/cache/x > /listed
RUN --mount=type=tmpfs,target=/scratch echo gone > /scratch/file && echo kept > /after-tmpfs
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length
RUN --mount=type=secret,id=token,target=/etc/token,mode=0440,gid=1000 stat -c '%a %u %g' /etc/token > /stat`,
    buildah: [inTree('leaves the places where it mounted', /^(mnt|run|scratch|etc\/token|var\/cache)/)],
  },
  {
    name: 'RUN --mount=type=bind,rw: writes are thrown away',
    files: sampleFolder,
    dockerfile: `FROM base
RUN --mount=type=bind,source=d,target=/mnt,rw echo changed > /mnt/one.txt && echo new > /mnt/new && cat /mnt/one.txt > /seen
COPY d/one.txt /after`,
    buildah: { leftOut: 'it writes into the context' },
  },
  {
    name: 'RUN --network=none; /etc/hosts is seen and not written',
    dockerfile: `FROM base
RUN --network=none ls /sys/class/net > /none
RUN grep -c localhost /etc/hosts > /hosts; test -s /etc/hosts`,
    buildah: [inTree('shows other names', /^(hosts|none)$/)],
  },
  {
    name: 'USER: by name, with a group, by number; HOME',
    dockerfile: `FROM base
RUN mkdir -m 0777 /w
USER app
RUN id > /w/name && echo $HOME > /w/home
USER app:staff
RUN id > /w/name-group
USER 1234
RUN id > /w/number && echo $HOME > /w/number-home
USER 1234:50
RUN id > /w/numbers
USER root`,
    buildah: [inTree('supplementary groups and HOME of a bare number', /^w\//)],
  },
  {
    name: 'USER and WORKDIR: new folders belong to the user',
    dockerfile: `FROM base
USER app
WORKDIR /made/by/app
RUN touch mine && id -u > uid
USER root
WORKDIR /made/by/root`,
    buildah: [inTree('WORKDIR does not ask USER', /^made/)],
  },
  {
    name: 'a failing command in a stage that is not needed is never run',
    dockerfile: `FROM base AS broken
RUN exit 1
FROM base
RUN echo fine > /fine`,
  },
  {
    name: 'RUN in an image from scratch with one static program',
    base: false,
    prepare: 'cp "$(command -v busybox)" busybox',
    dockerfile: `FROM scratch
COPY busybox /bin/sh
RUN echo made > /file`,
    buildah: [inTree('leaves other mount points', /^(dev|proc|sys|etc|run|tmp|var)/)],
  },
  {
    name: 'RUN: without ENTRYPOINT, terminal and leftovers; a user that a step adds',
    dockerfile: `FROM base
ENTRYPOINT ["/bin/false"]
CMD ["nothing"]
RUN test -t 0 || echo no terminal > /tty
RUN mkdir -p /run/x /tmp/t && echo r > /run/x/r && echo t > /tmp/t/t && touch /dev/shm/gone
RUN (sleep 9; echo late > /late) & echo early > /early
RUN echo 'new:x:77:78::/home/new:/bin/sh' >> /etc/passwd && echo 'extra:x:99:new' >> /etc/group && mkdir -m 0777 /u
USER new
RUN id > /u/id && echo $HOME > /u/home
USER new:extra
RUN id > /u/group`,
    buildah: { leftOut: 'it waits for processes that a step leaves behind' },
  },
  {
    name: 'VOLUME: what later steps write there is kept',
    dockerfile: `FROM base
RUN mkdir /data && echo before > /data/before
VOLUME /data
RUN echo after > /data/after`,
    buildah: [inTree('throws it away', /^data/)],
  },
];
