#!/bin/sh
# Installs what the interop suite needs, in a folder that is kept between runs:
#   install.sh FOLDER [peers]
# Debian packages where the machine lacks them (with sudo unless root); Asterisk 22 out of Debian sid, unpacked into
# FOLDER/asterisk without touching the machine's own packages; a Python environment in FOLDER/python. What is there
# already is left alone, so a second run takes no time and no network.
set -eu

folder=${1:?"usage: install.sh FOLDER"}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

machine_packages="iproute2 util-linux gcc libc6-dev python3 python3-venv python3-dev sip-tester
                  pulseaudio pulseaudio-utils libasound2-plugins baresip-core"
asterisk_packages="asterisk asterisk-core-sounds-en-wav asterisk-moh-opsound-wav"
python_packages="numpy pesq pytest websocket-client"

# Programs out of Debian sid: from_sid FOLDER PACKAGE...
from_sid() {
    unpacked=$1
    shift
    # The mirror that this machine uses anyway. apt then resolves against an empty list of installed packages, so that
    # everything down to libc comes out of sid, and only downloads: no script of a package runs. A mirror that stands
    # still for weeks is good enough.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    apt=$unpacked.apt
    mkdir -p "$unpacked/usr/bin" "$unpacked/usr/sbin" "$unpacked/usr/lib" "$unpacked/usr/lib64" \
        "$apt/state/lists/partial" "$apt/cache/archives/partial"
    for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$unpacked/$directory"; done
    : > "$apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian/} sid main" \
        > "$apt/sources.list"
    cat > "$apt/apt.conf" <<CONF
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
DPkg::Post-Invoke {};
APT::Update::Post-Invoke {};
CONF
    APT_CONFIG=$apt/apt.conf apt-get -q update
    APT_CONFIG=$apt/apt.conf apt-get -q -y --download-only install "$@"
    for package in "$apt"/cache/archives/*.deb; do
        dpkg --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$unpacked"
    done
    rm -r "$apt"
}

install_asterisk() {
    # shellcheck disable=SC2086
    from_sid "$1" $asterisk_packages
}

# The phone that the benchmarks measure beside ours.
install_baresip() {
    from_sid "$1" baresip-core
}

install_python() {
    # Debian's own interpreter: another one that stands first in the path may lack its headers.
    /usr/bin/python3 -m venv "$1"
    # shellcheck disable=SC2086
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check $python_packages
}

# Fills FOLDER/NAME by install_NAME under another name first, so that an interrupted installation is never taken for
# a whole one.
install() {
    name=$1
    [ ! -e "$folder/$name" ] || return 0
    echo "installing $name"
    rm -rf "$folder/$name.part" "$folder/$name.part.apt"
    # Not `|| …`: there the shell would go on after an error inside.
    trap 'cat "$folder/$name.log" >&2' EXIT
    "install_$name" "$folder/$name.part" > "$folder/$name.log" 2>&1
    trap - EXIT
    mv "$folder/$name.part" "$folder/$name"
}

# Two runs that start at once share one installation.
exec 9> "$folder/lock"
flock 9
# shellcheck disable=SC2086
sh "$here/packages.sh" $machine_packages
install asterisk
install python
[ "${2:-}" != peers ] || install baresip
