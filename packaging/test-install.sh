#!/bin/sh
# test-install.sh BUILD PREFIX LIBDIR: what `cmake --install` lays down is complete, and a person's configuration stays.
set -eu
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
install_there() { DESTDIR=$stage cmake --install "$1" >/dev/null; }
prefix=$2
libraries=$prefix/$3
failed=0

install_there "$1"
for file in libexec/lodge/lodge-smss libexec/lodge/lodge-init libexec/lodge/lodge-logon libexec/lodge/lodge-broker \
    libexec/lodge/lodge-rdp libexec/lodge/lodge-rdp-worker libexec/lodge/lodge-display libexec/lodge/lodge-message libexec/lodge/lodge-endsession libexec/lodge/lodge-clipboard libexec/lodge/lodge-session libexec/lodge/lodge-audio libexec/lodge/lodge-drives \
    libexec/lodge/lodge-desktop bin/lodgectl; do
    [ -x "$stage$prefix/$file" ] || { echo "not there, or no program: $prefix/$file"; failed=1; }
done
for file in "$prefix/libexec/lodge/desktop/openbox/rc.xml" "$prefix/libexec/lodge/desktop/tint2/tint2rc" \
    "$prefix/lib/systemd/system/lodge.service" /etc/lodge/lodge.conf /etc/pam.d/lodge \
    "$prefix/share/bash-completion/completions/lodgectl" "$prefix/share/man/man1/lodgectl.1" \
    "$prefix/include/lodge.h" "$libraries/liblodge.so" "$libraries/liblodge.so.0" "$libraries/pkgconfig/lodge.pc" \
    "$libraries/liblodge-wtsapi.so" \
    "$prefix/share/man/man3/liblodge.3" "$prefix/share/man/man5/lodge.conf.5" "$prefix/share/man/man8/lodge-smss.8"; do
    [ -s "$stage$file" ] || { echo "not there: $file"; failed=1; }
done
[ "$(readlink "$stage$prefix/sbin/lodge-smss")" = "$prefix/libexec/lodge/lodge-smss" ] || {
    echo "$prefix/sbin/lodge-smss leads elsewhere"
    failed=1
}

if command -v pkg-config >/dev/null; then
    # What a program is built with: from the tree, as if the tree were the machine.
    flags=$(PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_PATH=$stage$libraries/pkgconfig pkg-config --cflags --libs lodge)
    echo "int main(void) { return lodge_reason_name(0)[0] != 'n'; }" >"$stage/program.c"
    # shellcheck disable=SC2086
    if ! cc -include lodge.h "$stage/program.c" -o "$stage/program" $flags ||
        ! LD_LIBRARY_PATH=$stage$libraries "$stage/program"; then
        echo "no program builds with lodge.pc: $flags"
        failed=1
    fi
fi
if command -v ldd >/dev/null && ldd "$stage$libraries/liblodge-wtsapi.so" | grep "not found"; then
    echo "liblodge-wtsapi does not find what it needs"
    failed=1
fi
if command -v systemd-analyze >/dev/null; then
    # In a tree of its own, where the programs that the unit names are.
    # A systemd before 254 ignores what it does not know, but counts it as a mistake here.
    if [ "$(systemd-analyze --version | awk 'NR == 1 { print int($2) }')" -lt 254 ]; then
        sed -E -i '/^(DelegateSubgroup|RestartSteps|RestartMaxDelaySec)=/d' "$stage/$prefix/lib/systemd/system/lodge.service"
    fi
    install -D -m 755 /dev/null "$stage/bin/sh"
    if ! said=$(systemd-analyze --root="$stage" --man=no --recursive-errors=no verify lodge.service 2>&1) ||
        echo "$said" | grep -q lodge.service; then
        echo "$said"
        failed=1
    fi
fi

echo "# mine" >"$stage/etc/lodge/lodge.conf"
install_there "$1"
[ "$(cat "$stage/etc/lodge/lodge.conf")" = "# mine" ] || { echo "a second installation overwrote lodge.conf"; failed=1; }
exit "$failed"
