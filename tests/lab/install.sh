#!/bin/sh
# Installs what the interop suite needs, in a folder that is kept between runs:
#   install.sh FOLDER [peers]
# Debian packages where the machine lacks them (with sudo unless root); Asterisk 22 out of Debian sid, unpacked into
# FOLDER/asterisk without touching the machine's own packages; a Python environment in FOLDER/python; with `peers` the
# phones that ours is measured beside. What is there already is left alone, so a second run takes no time and no network.
set -eu

folder=${1:?"usage: install.sh FOLDER"}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

machine_packages="iproute2 util-linux gcc libc6-dev python3 python3-venv python3-dev sip-tester
                  pulseaudio pulseaudio-utils libasound2-plugins baresip-core"
asterisk_packages="asterisk asterisk-core-sounds-en-wav asterisk-moh-opsound-wav"
pjsua_packages="g++ make dpkg-dev libasound2-dev libgsm1-dev libsamplerate0-dev libspeex-dev libspeexdsp-dev libsrtp2-dev
                libssl-dev uuid-dev"
python_packages="numpy pesq pytest websocket-client"

# Has apt read Debian sid's packages, and believe that none is installed, so that everything down to libc comes out of
# sid: apt_of_sid FOLDER
apt_of_sid() {
    # The mirror that this machine uses anyway; one that stands still for weeks is good enough.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    mirror="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian/} sid main"
    mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial"
    : > "$1/status"
    printf 'deb %s\ndeb-src %s\n' "$mirror" "$mirror" > "$1/sources.list"
    cat > "$1/apt.conf" <<CONF
Dir::State "$1/state";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
DPkg::Post-Invoke {};
APT::Update::Post-Invoke {};
CONF
    export APT_CONFIG="$1/apt.conf"
    apt-get -q update
}

# Programs out of Debian sid, which are only downloaded: no script of a package runs. from_sid FOLDER PACKAGE...
from_sid() (
    unpacked=$1
    shift
    apt=$unpacked.apt
    mkdir -p "$unpacked/usr/bin" "$unpacked/usr/sbin" "$unpacked/usr/lib" "$unpacked/usr/lib64"
    for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$unpacked/$directory"; done
    apt_of_sid "$apt"
    apt-get -q -y --download-only install "$@"
    for package in "$apt"/cache/archives/*.deb; do
        dpkg --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$unpacked"
    done
    rm -r "$apt"
)

install_asterisk() {
    # shellcheck disable=SC2086
    from_sid "$1" $asterisk_packages
}

# The phones that the benchmarks measure beside ours.
install_baresip() {
    from_sid "$1" baresip-core
}

# Debian has it only as a part of Asterisk's source, without the libraries of others that it could bring along.
install_pjsua() {
    # shellcheck disable=SC2086
    sh "$here/packages.sh" $pjsua_packages
    (
        apt_of_sid "$1.apt"
        cd "$1.apt"
        apt-get -q --download-only source asterisk
        tar -xJf asterisk_*orig-Xpjproject.tar.xz --strip-components=1
        # No echo canceller of WebRTC's, no video, none of the codecs that nobody is asked for here; more than four calls.
        printf '#define %s\n' 'PJMEDIA_HAS_ILBC_CODEC 0' 'PJSUA_MAX_CALLS 32' > pjlib/include/pj/config_site.h
        CFLAGS="-O2 -DNDEBUG" CXXFLAGS="-O2 -DNDEBUG" ./configure --disable-video --disable-libyuv --disable-libwebrtc \
            --disable-ilbc-codec --disable-l16-codec --disable-g7221-codec --disable-bcg729 --disable-silk \
            --disable-opencore-amr --disable-upnp --enable-libsamplerate --disable-resample \
            --with-external-srtp --with-external-speex --with-external-gsm
        # A sound system of Blackberry's, which the tarball lacks.
        sed -i 's/ bdimad_dev.o//' pjmedia/build/Makefile
        make dep
        # Its parts' tests don't build without the codecs; their libraries do.
        for part in pjlib pjlib-util pjnath third_party pjmedia pjsip; do make -C $part/build lib || make -C $part/build; done
        make -C pjsip-apps/build pjsua
        mkdir "$1"
        cp pjsip-apps/bin/pjsua-* "$1/pjsua"
    )
    rm -r "$1.apt"
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
[ "${2:-}" = peers ] || exit 0
install baresip
install pjsua
