#!/bin/sh
# Makes root file systems for tests and benchmarks, once, and keeps them as archives in the test cache:
#   make-bases.sh busybox|debian|debian-gcc…
# Prints one folder a name, holding rootfs.tar, rootfs.tar.gz and rootfs.tar.zst; fails when one cannot be made.
# They enter an image by `FROM scratch` and `ADD rootfs.tar /`.
set -eu

cache="${TSBUILD_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tsbuild-test}/bases"
PATH="$PATH:/usr/sbin:/sbin"

give_up() {
  echo "no base $name: $1" >&2
  exit 1
}

# A few files around a static busybox: small enough to be added in every one of a hundred builds.
make_busybox() {
  busybox=$(command -v busybox) || give_up 'busybox is missing'
  "$busybox" sh -c : || give_up 'busybox does not run'
  root="$work/root"
  mkdir -p "$root/bin" "$root/etc" "$root/home/app" "$root/root" "$root/tmp" "$root/usr/bin" "$root/usr/local/bin" \
    "$root/var/log"
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
  done
  ln -s /bin/env "$root/usr/bin/env"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'daemon:x:1:1:daemon:/:/bin/false' \
    'app:x:1000:1000:App:/home/app:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'daemon:x:1:' 'audio:x:29:app' 'staff:x:50:app' 'app:x:1000:' 'nogroup:x:65534:' \
    >"$root/etc/group"
  chmod 1777 "$root/tmp"
  chmod 0700 "$root/root"
  chmod 0755 "$root/bin/busybox"
  tar -C "$root" --sort=name --format=pax --pax-option=delete=atime,delete=ctime --mtime=@1700000000 \
    --owner=0 --group=0 --numeric-owner --transform='flags=r;s,^\./,,' -cf "$work/rootfs.tar" .
}

# A small Debian of this machine's own release, from its own mirror.
make_debian() {
  include=$1
  [ "$(id -u)" -eq 0 ] || give_up 'mmdebstrap is run as root'
  for program in mmdebstrap apt-get; do command -v "$program" >/dev/null || give_up "$program is missing"; done
  site=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(SITE)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
  [ -n "$site" ] || give_up 'no Debian archive among the apt sources'
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
  without='--dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-exclude=/usr/share/man/*
    --dpkgopt=path-exclude=/usr/share/locale/* --dpkgopt=path-exclude=/usr/share/info/*'
  # shellcheck disable=SC2086 # one option per word
  mmdebstrap --quiet --variant=essential --skip=output/dev --include="$include" $without \
    --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/* "$1"/var/log/*' \
    "$suite" "$work/rootfs.tar" "$site" >"$work/log" 2>&1 </dev/null || {
    cat "$work/log" >&2
    give_up 'mmdebstrap failed'
  }
}

make() {
  name=$1
  case $name in
  debian) folder="$cache/$name-4" ;;
  *) folder="$cache/$name-3" ;;
  esac
  if [ ! -e "$folder/rootfs.tar.zst" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/$name.lock"
    flock 9
    if [ ! -e "$folder/rootfs.tar.zst" ]; then
      work=$(mktemp -d "$cache/.$name-XXXXXX")
      trap 'rm -rf "$work"' EXIT
      case $name in
      busybox) make_busybox ;;
      debian) make_debian apt,passwd,python3-minimal,libcap2-bin ;;
      debian-gcc) make_debian gcc,libc6-dev ;;
      *) give_up 'no such base' ;;
      esac
      gzip -nc -1 "$work/rootfs.tar" >"$work/rootfs.tar.gz"
      zstd -q -1 "$work/rootfs.tar" -o "$work/rootfs.tar.zst" || give_up 'zstd is missing'
      rm -rf "$work/root" "$work/log" "$folder"
      chmod 0755 "$work"
      mv "$work" "$folder"
    fi
    exec 9>&-
  fi
  echo "$folder"
}

for base in "$@"; do make "$base"; done
