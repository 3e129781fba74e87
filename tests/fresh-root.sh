#!/bin/sh
# fresh-root.sh SUITE [COMMAND...]: runs COMMAND (default: make test) on a clone of HEAD in a fresh root of Debian SUITE
# (bookworm or trixie) that has apt, make and git and nothing else. Needs root and mmdebstrap; the network stays this
# machine's. Exits with the command's status.
#   FRESH_ROOT_CACHE  where the roots' tarballs and the root in use are kept (default /var/cache/lodge-roots)
#   FRESH_ROOT_KEEP   not empty: the root is left in place afterwards, and its path is said
set -eu

suite=${1:-}
case $suite in
bookworm | trixie) shift ;;
*)
    echo "usage: fresh-root.sh bookworm|trixie [COMMAND...]" >&2
    exit 2
    ;;
esac
[ $# -gt 0 ] || set -- make test
[ "$(id -u)" = 0 ] || { echo "fresh-root: needs root" >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo "fresh-root: mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${FRESH_ROOT_CACHE:-/var/cache/lodge-roots}
mkdir -p "$cache"

# The mirror of this machine's own Debian entry.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
    grep -oE '(https?|file)://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ')
[ -n "$mirror" ] || { echo "fresh-root: found no Debian mirror in this machine's apt sources" >&2; exit 1; }

tarball=$cache/$suite.tar
if [ ! -s "$tarball" ]; then
    echo "fresh-root: making $tarball from $mirror"
    mmdebstrap --quiet --format=tar --variant=apt --include=make,git,ca-certificates "$suite" "$tarball.part" "$mirror"
    mv "$tarball.part" "$tarball"
fi

root=$(mktemp -d "$cache/$suite.XXXXXX")
echo "fresh-root: $suite in $root: $*"
tar -C "$root" -xf "$tarball"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
cp /etc/hosts "$root/etc/hosts"
git -c safe.directory='*' clone --quiet --no-hardlinks "$top" "$root/root/lodge"

# Everything below is in namespaces of its own: no mount and no process is left behind.
status=0
# shellcheck disable=SC2016
FRESH_ROOT=$root unshare --mount --pid --fork --kill-child sh -eu -c '
    mount --bind "$FRESH_ROOT" "$FRESH_ROOT"
    cd "$FRESH_ROOT"
    mount -t proc proc proc
    mount --rbind /sys sys
    mount --rbind /dev dev
    mount -t tmpfs -o mode=755 tmpfs run
    exec chroot "$FRESH_ROOT" /usr/bin/env -i HOME=/root USER=root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c "cd /root/lodge && exec \"\$@\"" sh "$@"' sh "$@" </dev/null || status=$?

if [ -n "${FRESH_ROOT_KEEP:-}" ]; then
    echo "fresh-root: kept $root"
else
    rm -rf --one-file-system "$root"
fi
echo "fresh-root: $suite: '$*' ended with $status"
exit "$status"
