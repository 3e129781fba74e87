#!/bin/sh
# test-install.sh BUILD PREFIX: what `cmake --install` lays down is complete, and a person's configuration stays.
set -eu
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
install_there() { DESTDIR=$stage cmake --install "$1" >/dev/null; }
prefix=$2
failed=0

install_there "$1"
for file in libexec/lodge/lodge-smss libexec/lodge/lodge-init libexec/lodge/lodge-logon libexec/lodge/lodge-broker \
    libexec/lodge/lodge-rdp libexec/lodge/lodge-rdp-worker libexec/lodge/lodge-display libexec/lodge/lodge-session \
    libexec/lodge/lodge-desktop bin/lodgectl; do
    [ -x "$stage$prefix/$file" ] || { echo "not there, or no program: $prefix/$file"; failed=1; }
done
for file in "$prefix/libexec/lodge/desktop/openbox/rc.xml" "$prefix/libexec/lodge/desktop/tint2/tint2rc" \
    "$prefix/lib/systemd/system/lodge.service" /etc/lodge/lodge.conf /etc/pam.d/lodge \
    "$prefix/share/bash-completion/completions/lodgectl" "$prefix/share/man/man1/lodgectl.1" \
    "$prefix/share/man/man5/lodge.conf.5" "$prefix/share/man/man8/lodge-smss.8"; do
    [ -s "$stage$file" ] || { echo "not there: $file"; failed=1; }
done
[ "$(readlink "$stage$prefix/sbin/lodge-smss")" = "$prefix/libexec/lodge/lodge-smss" ] || {
    echo "$prefix/sbin/lodge-smss leads elsewhere"
    failed=1
}

if command -v systemd-analyze >/dev/null; then
    # In a tree of its own, where the programs that the unit names are.
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
