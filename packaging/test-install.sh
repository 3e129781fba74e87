#!/bin/sh
# test-install.sh BUILD: what `cmake --install` lays down is complete, and a person's configuration stays.
set -eu
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
install_there() { DESTDIR=$stage cmake --install "$1" --prefix /usr >/dev/null; }
failed=0

install_there "$1"
for file in libexec/lodge/lodge-smss libexec/lodge/lodge-init libexec/lodge/lodge-logon libexec/lodge/lodge-broker \
    libexec/lodge/lodge-rdp libexec/lodge/lodge-rdp-worker libexec/lodge/lodge-display libexec/lodge/lodge-session \
    libexec/lodge/lodge-desktop bin/lodgectl; do
    [ -x "$stage/usr/$file" ] || { echo "not there, or no program: /usr/$file"; failed=1; }
done
for file in usr/libexec/lodge/desktop/openbox/rc.xml usr/libexec/lodge/desktop/tint2/tint2rc \
    usr/lib/systemd/system/lodge.service etc/lodge/lodge.conf etc/pam.d/lodge \
    usr/share/bash-completion/completions/lodgectl usr/share/man/man1/lodgectl.1 usr/share/man/man5/lodge.conf.5 \
    usr/share/man/man8/lodge-smss.8; do
    [ -s "$stage/$file" ] || { echo "not there: /$file"; failed=1; }
done
[ "$(readlink "$stage/usr/sbin/lodge-smss")" = /usr/libexec/lodge/lodge-smss ] || {
    echo "/usr/sbin/lodge-smss leads elsewhere"
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
