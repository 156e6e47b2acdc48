#!/bin/sh
# Installs those of the named Debian packages that this machine lacks, with sudo unless root:
#   packages.sh PACKAGE…
set -eu

missing=
for package in "$@"; do
    dpkg-query --show --showformat '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
log=$(mktemp)
trap 'cat "$log" >&2; rm "$log"' EXIT
$sudo apt-get -q update > "$log" 2>&1
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing >> "$log" 2>&1
: > "$log"
