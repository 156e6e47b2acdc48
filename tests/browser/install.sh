#!/bin/sh
# Installs what the browser's stories need: Debian packages where the machine lacks them (with sudo unless root), and
# the npm packages of package-lock.json, here. A second run takes no time and no network.
set -eu
cd "$(dirname "$0")"

# Whoever has a Node.js of their own keeps it.
packages="chromium iproute2 util-linux python3 python3-websocket"
command -v node > /dev/null && command -v npm > /dev/null || packages="$packages nodejs npm"
# shellcheck disable=SC2086
sh ../lab/packages.sh $packages

# Two runs that start at once share one installation.
exec 9> .lock
flock 9
cmp -s package-lock.json node_modules/.installed || {
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed
}
