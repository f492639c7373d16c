#!/bin/sh
# Fetches what test/executor/arm64-machine.test.ts needs: an emulator of whole machines, and an arm64 kernel and busybox
# (Debian and its relatives). Nothing of the other architecture is installed. Where it cannot, it says so and succeeds.
set -eu

place=${TSBUILD_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsbuild-test}/arm64
missing() {
  echo "not fetched (the test of an arm64 machine is skipped): $1" >&2
  exit 0
}

command -v apt-get >/dev/null 2>&1 || missing 'there is no apt'
if ! command -v qemu-system-aarch64 >/dev/null 2>&1; then
  [ "$(id -u)" -eq 0 ] || missing 'qemu-system-aarch64 is not installed'
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
    qemu-system-arm >/dev/null 2>&1 </dev/null || missing 'qemu-system-arm cannot be installed'
fi
[ -e "$place/vmlinuz" ] && exit 0

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$place"
: >"$folder/status"
cat >"$folder/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "$(id -un)";
Dir::State::lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
END
export APT_CONFIG="$folder/apt.conf"
apt-get -q update >/dev/null 2>&1 || missing 'the lists of packages for arm64'
kernel=$(apt-cache depends linux-image-cloud-arm64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
[ -n "$kernel" ] || missing 'a kernel for arm64'
cd "$folder"
apt-get -q download "$kernel" busybox-static >/dev/null 2>&1 || missing 'the packages for arm64'
for package in ./*.deb; do dpkg-deb -x "$package" files; done
overlay=$(find files -name 'overlay.ko*' | head -n 1)
case $overlay in
*.xz) xz -d "$overlay" && overlay=${overlay%.xz} ;;
*.zst) zstd -q -d --rm "$overlay" && overlay=${overlay%.zst} ;;
esac
cp "$overlay" "$place/overlay.ko"
cp "$(find files -type f -path '*bin/busybox' | head -n 1)" "$place/busybox"
cp "$(find files/boot -name 'vmlinuz-*' | head -n 1)" "$place/vmlinuz"
