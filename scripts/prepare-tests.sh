#!/bin/sh
# Everything that tests need besides npm packages: programs, reference builders, root file systems, an arm64 kernel. Quick
# when all is there. What cannot be had is named; the tests that need it are skipped and counted.
set -u
here=$(dirname "$0")

"$here/install-test-needs.sh"
"$here/fetch-arm64-machine.sh"
"$here/install-references.sh" >/dev/null &
references=$!
for base in busybox debian debian-gcc; do "$here/make-bases.sh" "$base" >/dev/null || true; done
wait "$references" || true
