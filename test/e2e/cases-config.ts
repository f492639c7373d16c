/** Cases of the instructions that change the configuration, of variables and of stages. */
import { inConfig, inTree } from './dockerfile-case.js';
import type { DockerfileCase } from './dockerfile-case.js';

const dated = `FROM base
ARG SOURCE_DATE_EPOCH
COPY f /new/dir/f
COPY d /tree
COPY <<EOF /here/doc
text
EOF
ADD d.tar /tar/
WORKDIR /place/dir
RUN echo $SOURCE_DATE_EPOCH > /made && touch -d @1500000000 /old
ENV A=1`;
const datedFiles = {
  files: { f: 'f\n', 'd/g': 'g\n' },
  prepare: 'tar -C d -cf d.tar .',
  buildah: { leftOut: 'it has other flags for this' },
} as const;

/** SOURCE_DATE_EPOCH: what BuildKit leaves to an option of the output is tsbuild's default. */
const epochCases: readonly DockerfileCase[] = [
  {
    ...datedFiles,
    name: 'SOURCE_DATE_EPOCH with rewrite-timestamp: image, history and newer files get it',
    args: ['--build-arg', 'SOURCE_DATE_EPOCH=1600000000'],
    output: { buildkit: 'rewrite-timestamp=true' },
    dockerfile: dated,
    buildkit: [inTree('mount points of a step are of 1970', /^(dev|proc|sys)$/, /mtime/)],
  },
  {
    ...datedFiles,
    name: 'SOURCE_DATE_EPOCH without rewrite-timestamp: files keep their times',
    env: { SOURCE_DATE_EPOCH: '1600000000' },
    output: { ours: 'rewrite-timestamp=false' },
    dockerfile: dated,
    buildkit: [inTree('the last folder of WORKDIR gets the time all the same', /^place\/dir$/, /mtime/)],
  },
];

export const configCases: readonly DockerfileCase[] = [
  {
    name: 'an image without any file',
    base: false,
    dockerfile: `FROM scratch
ENV A=1
LABEL x="y z" "quoted key"=v
CMD ["/run"]`,
  },
  {
    name: 'every instruction of the configuration',
    dockerfile: `FROM base
MAINTAINER Somebody <somebody@example.org>
LABEL a=1 b="two words" c='single $A' d=\\"
ENV E="x y" F=$PATH:/more
ENV LEGACY value with blanks
EXPOSE 80 443/tcp 53/UDP 9000-9002
VOLUME /data /more
VOLUME ["/v1", "/v 2"]
WORKDIR relative
WORKDIR below
USER app:staff
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=1m30s --timeout=5s --start-period=2s --retries=4 CMD wget -q -O- localhost || exit 1
SHELL ["/bin/sh", "-ec"]
ONBUILD RUN echo later
ENTRYPOINT ["/bin/echo", "hello"]
CMD world | cat`,
    buildah: [
      inTree('VOLUME makes folders; WORKDIR does not ask USER', /^(data|more|v1|v 2|relative)/),
      inConfig('ignores SHELL for CMD; keeps the case of protocols', /^config\.(Cmd|Shell|ExposedPorts)/),
    ],
  },
  {
    name: 'HEALTHCHECK: NONE, exec form in a parent stage',
    dockerfile: `FROM base AS parent
HEALTHCHECK --interval=5s CMD ["/bin/true", "a b"]
FROM parent
HEALTHCHECK NONE`,
  },
  {
    name: 'ENTRYPOINT forgets the inherited CMD',
    dockerfile: `FROM base AS parent
CMD ["inherited"]
FROM parent
ENTRYPOINT exec top -b`,
  },
  {
    name: 'a CMD before ENTRYPOINT in one stage stays; SHELL wraps it',
    dockerfile: `FROM base
SHELL ["/bin/busybox", "sh", "-c"]
CMD echo $HOME
ENTRYPOINT ["/bin/sh"]`,
    buildah: [inConfig('ignores SHELL for CMD', /^config\.(Cmd|Shell)/)],
  },
  {
    name: 'ENV: one line sees the environment before it; quoting; modifiers',
    dockerfile: `FROM base
ENV abc=hello
ENV abc=bye def=$abc
ENV ghi=$abc jkl=\${missing:-default} mno=\${abc:+set} pqr='$abc' stu="\\$abc" vwx=a\\ b
ENV EMPTY= PATHS=\${PATH}:/x
RUN env | grep -E '^(abc|def|ghi|jkl|mno|pqr|stu|vwx|EMPTY)=' | sort > /env`,
  },
  {
    name: 'ENV: prefix, suffix and replacement of patterns, modifiers without a colon',
    dockerfile: `FROM base
ENV F=path/to/file.tar.gz
ENV A=\${F#*/} B=\${F##*/} C=\${F%.*} D=\${F%%.*} E=\${F/to/from} G=\${F//t/T} H=\${unset-w} I=\${F+w}`,
    buildah: { leftOut: 'it refuses modifiers without a colon' },
  },
  {
    name: 'ARG: global, stage default, build argument, empty, from the environment',
    global: 'ARG GLOBAL=g\nARG CHAINED=$GLOBAL-c\nARG BASE=base',
    args: ['--build-arg', 'GIVEN=given', '--build-arg', 'OVER=', '--build-arg', 'FROMENV'],
    env: { FROMENV: 'caller' },
    dockerfile: `FROM \${BASE}
ARG GLOBAL
ARG CHAINED
ARG GIVEN=default
ARG OVER=default
ARG UNSET
ARG FROMENV
ARG TWO=2 THREE=\${TWO}3
ENV KEPT=$GIVEN-$GLOBAL
RUN echo "$GLOBAL|$CHAINED|$GIVEN|$OVER|\${UNSET-unset}|$FROMENV|$TWO|$THREE|$KEPT" > /args
ENV GIVEN=env
RUN echo $GIVEN > /after-env
ARG GIVEN
RUN echo $GIVEN > /after-arg`,
    buildah: [inTree('an ENV beats every ARG; an unset ARG is empty', /^(after-arg|args)$/)],
  },
  {
    name: 'ARG: platform arguments, inheritance by a child stage, not by others',
    dockerfile: `FROM base AS parent
ARG TARGETARCH
ARG TARGETOS
ARG OWN=own
RUN echo $TARGETOS/$TARGETARCH > /platform
FROM parent AS child
RUN echo "[$OWN]" > /inherited
FROM base
COPY --from=child /inherited /platform /
ARG OWN
RUN echo "[$OWN]" > /unrelated`,
  },
  {
    name: 'ARG: proxies reach a step and leave no trace',
    args: ['--build-arg', 'http_proxy=http://proxy.example:1'],
    dockerfile: `FROM base
RUN echo $http_proxy > /proxy`,
  },
  {
    name: 'ONBUILD: of a stage, in order, not inherited twice',
    files: { f: 'f\n' },
    dockerfile: `FROM base AS parent
ONBUILD ARG WHO=onbuild
ONBUILD COPY f /onbuild/
ONBUILD RUN echo $WHO > /onbuild/run
FROM parent AS child
RUN ls /onbuild > /seen
FROM child
RUN ls /onbuild | wc -l > /again`,
  },
  {
    name: 'history: every instruction in every form',
    files: { 'd/f': 'f\n', 'my file': 'x\n' },
    prepare: 'tar -C d -cf d.tar .',
    global: 'ARG BASE=base\nARG SHARED=global',
    args: ['--build-arg', 'GIVEN=a "quoted" value', '--build-arg', 'UNUSED=x'],
    dockerfile: `FROM \${BASE}
ARG SHARED GIVEN=default UNSET EMPTY=
ARG TARGETARCH
ENV A=1 B="two  words" C=$GIVEN D='single $A'
ENV LEGACY value  with   blanks
LABEL k=v "a b"="c d" e=$A f=line\\
g
COPY d/f /x/
COPY ["my file", "/with blank/"]
COPY --chown=1:2 --chmod=0640 d/f d/f /$A/
COPY --chown=1:0 --link d/f /linked
COPY --chmod=u=rw,go= d/f /symbolic
COPY --exclude=*.x d /excluded/
COPY <<EOF <<'F2' /heredocs/
$A
EOF
$A
F2
ADD d.tar /added/
ADD --unpack=false --chown=1 d.tar /kept/
ADD --keep-git-dir=false d /folder
RUN echo   several   blanks   "quoted  text" $A
RUN ["echo", "exec", "form with blanks", "\\"quotes\\""]
RUN echo one && \\
    # comment
    echo two
RUN <<EOF
echo $A
echo second
EOF
RUN cat <<EOF > /x/y && cat <<-T
	text
EOF
	tabs
	T
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --network=none true
WORKDIR /w
WORKDIR rel/$A
WORKDIR /
USER app
USER 7:8
EXPOSE 80
VOLUME /v1 /v2
VOLUME ["/v 3"]
STOPSIGNAL 9
SHELL ["/bin/sh", "-e", "-c"]
RUN true
CMD exec top -b "with quotes"
CMD ["top", "-b", "a b", "q\\"q", "ü", "tab\\t"]
ENTRYPOINT exec top
ENTRYPOINT ["/bin/top"]
ONBUILD RUN later
MAINTAINER Some Body  <x@example.org>`,
    buildah: { leftOut: 'it has no history of this kind' },
  },
  ...epochCases,
  {
    name: 'HEALTHCHECK: the last wins, zero durations, exec and shell form, in a child',
    dockerfile: `FROM base AS parent
SHELL ["/bin/busybox", "sh", "-c"]
HEALTHCHECK --interval=5s --timeout=1m --start-period=0s --retries=0 CMD curl -f "http://localhost/" || exit 1
HEALTHCHECK --start-interval=500ms --start-period=1h2m3s CMD ["/bin/check", "a b"]
FROM parent
HEALTHCHECK --retries=2 CMD check me`,
    buildah: { leftOut: 'it does not know --start-interval' },
  },
  {
    name: 'CMD, ENTRYPOINT, SHELL: empty lists, JSON that is none, inheritance',
    dockerfile: `FROM base AS parent
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT ["/one"]
CMD ["two"]
STOPSIGNAL SIGRTMIN+3
EXPOSE 1
VOLUME /v
LABEL from=parent
ONBUILD ENV ON=build
FROM parent AS child
CMD ['single']
ENTRYPOINT []
FROM child
CMD
ENTRYPOINT unquoted $HOME`,
    buildah: { leftOut: 'it keeps SHELL out of commands and cuts bad JSON' },
  },
  {
    name: 'ONBUILD: COPY --from of another stage, of an image, heredocs, in order, then cleared',
    files: { f: 'f\n' },
    dockerfile: `FROM base AS tools
RUN echo tool > /tool
FROM base AS parent
ONBUILD COPY --from=tools /tool /t/
ONBUILD COPY <<EOF /h/text
at $WHERE
EOF
ONBUILD ENV WHERE=child
ONBUILD WORKDIR /made
ONBUILD ADD f .
ONBUILD USER app
ONBUILD CMD ["on", "build"]
ONBUILD LABEL on=build
ENV WHERE=parent
RUN test ! -e /t
FROM parent AS child
RUN ls /t /h > uid 2>&1 || true
FROM child
RUN pwd`,
    buildah: { leftOut: 'it finds no stage that only a trigger names' },
  },
  {
    name: 'VOLUME: inherited, added to, the folder is not made, later changes stay',
    dockerfile: `FROM base AS parent
VOLUME /one /two/
FROM parent
VOLUME ["/three", "/one"]
COPY --from=base /etc/passwd /one/
RUN echo x > /one/x && ls / > /seen`,
    buildah: [inTree('makes the folders and throws away what steps write there', /^(one|two|three|seen)/)],
  },
  {
    name: 'WORKDIR: through links, over what exists, with USER by number, in a base',
    dockerfile: `FROM base AS parent
RUN mkdir -m 0700 /real && chown 5:6 /real && ln -s /real /link && ln -s ../../real /climbing
WORKDIR /link/below
WORKDIR /real
WORKDIR /climbing/other
USER 7:8
WORKDIR /numbers/a/b
USER app:staff
WORKDIR ../c
FROM parent
RUN pwd > /tmp/pwd && id -u > /tmp/uid`,
    buildah: [inTree('WORKDIR makes nothing, or not as the USER', /^(real|numbers|tmp)/)],
  },
  {
    name: 'WORKDIR: relative, variables, made with every parent, root, above the root',
    dockerfile: `FROM base
ENV D=var/dir
WORKDIR /a
WORKDIR b/c
WORKDIR /$D/x
RUN pwd > /pwd
WORKDIR /
WORKDIR ../up`,
    buildah: [inTree('WORKDIR alone makes nothing', /^(a|up)(\/|$)/)],
  },
  {
    name: 'EXPOSE and LABEL: expansion before splitting',
    dockerfile: `FROM base
ARG PORTS="3000 4000/udp"
EXPOSE $PORTS
ENV K=key
LABEL $K=value "a b"="c d"`,
    buildah: { leftOut: 'it refuses a variable that holds two ports' },
  },
  {
    name: 'escape=`: continuation and expansion',
    global: '# escape=`',
    dockerfile: [
      'FROM base',
      'ENV A=x`$y B=C:\\dir',
      'RUN echo one > /one && `',
      '    echo "\\t" > /two',
    ].join('\n'),
    buildah: [inConfig('expands with a backslash all the same', /^config\.Env/)],
  },
  {
    name: '--target: a stage in the middle, without case',
    args: ['--target', 'MIDDLE'],
    dockerfile: `FROM base AS first
RUN echo 1 > /1
FROM first AS Middle
RUN echo 2 > /2
LABEL stage=middle
FROM first AS last
RUN exit 1`,
    buildah: { leftOut: 'it compares stage names with case' },
  },
  {
    name: '--label wins over LABEL',
    args: ['--label', 'a=cli', '--label', 'c=cli'],
    dockerfile: `FROM base
LABEL a=file b=file`,
  },
  {
    name: 'a final stage from scratch takes single files of a builder',
    files: { 'main.sh': { content: '#!/bin/sh\n', mode: 0o755 } },
    dockerfile: `FROM base AS builder
COPY main.sh /src/
RUN cp /src/main.sh /bin/app && echo junk > /junk
FROM scratch
COPY --from=builder /bin/app /app
COPY --from=builder --chown=65534:65534 /etc/passwd /etc/
USER 65534
ENTRYPOINT ["/app"]`,
  },
];
