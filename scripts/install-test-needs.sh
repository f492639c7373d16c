#!/bin/sh
# Installs the programs that the end-to-end tests compare tsbuild with (Debian and its relatives, as root).
# Quick when nothing is missing. Where it cannot install, it says what is missing and succeeds: the tests that
# need it are then skipped and counted.
set -eu

# program:package – a program that is present is never looked at again
needs='
docker-registry:docker-registry
skopeo:skopeo
umoci:umoci
runc:runc
podman:podman
buildah:buildah
busybox:busybox-static
mmdebstrap:mmdebstrap
zstd:zstd
xz:xz-utils
gcc:gcc
htpasswd:apache2-utils
openssl:openssl
strace:strace
setcap:libcap2-bin
getfattr:attr
python3:python3
tar:tar
unshare:util-linux
pasta:passt
slirp4netns:slirp4netns
ssh-keygen:openssh-client
newuidmap:uidmap
useradd:passwd
qemu-aarch64-static:qemu-user-static
'

PATH="$PATH:/usr/sbin:/sbin"
programs=''
packages=''
for need in $needs; do
  program=${need%%:*}
  package=${need#*:}
  if command -v "$program" >/dev/null 2>&1; then continue; fi
  programs="$programs $program"
  packages="$packages $package"
done

[ -n "$packages" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "not installed (tests that need them are skipped):$programs" >&2
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt_get() { apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing:$packages" >&2
apt_get update >"$log" 2>&1 || cat "$log" >&2
# shellcheck disable=SC2086 # one word per package
if ! apt_get install -y --no-install-recommends $packages >"$log" 2>&1; then
  # One package that a release lacks must not keep the others away.
  for package in $packages; do
    apt_get install -y --no-install-recommends "$package" >"$log" 2>&1 ||
      echo "not installed (tests that need it are skipped): $package" >&2
  done
fi

# The registry's package may start a server of its own; the tests start theirs.
if command -v systemctl >/dev/null 2>&1; then
  systemctl stop docker-registry >/dev/null 2>&1 || true
fi
