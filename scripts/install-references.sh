#!/bin/sh
# Unpacks current releases of the builders that tsbuild is compared with – Docker with BuildKit, buildah, runc –
# beside the system, never into it: Debian unstable's packages, from the mirror that this machine already uses,
# through an apt configuration of their own. Prints the folder that holds them, or says why there is none and
# exits with 1.
set -eu

cache="${TSBUILD_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tsbuild-test}"
references="$cache/references"
root="$references/root"
stamp="$references/ready-2"

if [ -e "$stamp" ]; then
  echo "$root"
  exit 0
fi

give_up() {
  echo "no reference builders: $1" >&2
  exit 1
}

for program in apt-get apt-cache dpkg; do
  command -v "$program" >/dev/null 2>&1 || give_up "$program is missing"
done

mkdir -p "$references"
exec 9>"$references/lock"
flock 9
if [ -e "$stamp" ]; then
  echo "$root"
  exit 0
fi
rm -rf "$root" "$references/apt" "$references/debs"
mkdir -p "$root" "$references/debs" "$references/apt/state/lists/partial" "$references/apt/cache/archives/partial"

# The address and the key of Debian's main archive, as this machine has them.
archive=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(SITE)|$(SIGNED_BY)' 'Created-By: Packages' |
  awk -F'|' '$1 == "Debian" && $2 == "Debian" { print $3 "|" $4; exit }')
[ -n "$archive" ] || give_up 'no Debian archive among the apt sources (or no lists: apt-get update)'
site=${archive%%|*}
key=${archive#*|}
case "$key" in
/*) options="[signed-by=$key]" ;;
*) options="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" ;;
esac
echo "deb $options $site sid main" >"$references/apt/sid.list"
: >"$references/apt/status"

with_sid() {
  program=$1
  shift
  "$program" -q \
    -o Dir::Etc::sourcelist="$references/apt/sid.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o Dir::State="$references/apt/state" \
    -o Dir::State::status="$references/apt/status" -o Dir::Cache="$references/apt/cache" \
    -o APT::Sandbox::User=root -o Acquire::Retries=2 "$@" </dev/null
}

log="$references/install.log"
with_sid apt-get update >"$log" 2>&1 || give_up "the lists of Debian unstable cannot be had (see $log)"

# Names of libraries change with their ABI: what buildah and runc link to is asked, not written down.
programs='docker.io docker-cli docker-buildx containerd runc buildah patchelf'
libraries=''
wanted='buildah runc patchelf'
for level in 1 2 3; do # deep enough for these three; everything recursively would be a desktop
  # shellcheck disable=SC2086 # one word per package
  wanted=$(with_sid apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances $wanted | sed -n 's/^[ |]*\(Pre\)\{0,1\}Depends: //p' |
    grep -E '^(lib[a-z0-9]|golang-github-containers-common$)' | sort -u)
  libraries="$libraries $wanted"
done
# shellcheck disable=SC2086 # one word per package
(cd "$references/debs" && with_sid apt-get download $(printf '%s\n' $programs $libraries | sort -u)) >>"$log" 2>&1 ||
  give_up "packages of Debian unstable cannot be had (see $log)"
for package in "$references"/debs/*.deb; do dpkg -x "$package" "$root"; done

# Programs linked to a newer C library than the system's get the one unpacked beside them.
loader=$(find "$root/usr" -name 'ld-linux-*.so.*' -path '*/usr/lib*' | sort | head -n 1)
lib=$(dirname "$(find "$root/usr/lib" -name libc.so.6 | head -n 1)")
[ -n "$loader" ] || give_up 'no dynamic loader among the packages'
patchelf() { "$loader" --library-path "$lib" "$root/usr/bin/patchelf" "$@"; }
for program in "$root/usr/bin/buildah" "$root/usr/sbin/runc"; do
  [ -e "$program" ] || continue
  # In this order and in two passes: patchelf 0.18 spoils Go programs when it does both at once.
  patchelf --force-rpath --set-rpath "$lib" "$program"
  patchelf --set-interpreter "$loader" "$program"
  "$program" --version >>"$log" 2>&1 || rm -f "$program"
done
"$root/usr/sbin/dockerd" --version >>"$log" 2>&1 || rm -f "$root/usr/sbin/dockerd"

rm -rf "$references/debs" "$references/apt"
rm -f "$references"/ready-*
: >"$stamp"
echo "$root"
