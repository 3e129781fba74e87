#!/bin/sh
# vm.sh SUITE [COMMAND...]: runs COMMAND (default: tests/vm-check.sh) as root in a virtual machine of Debian SUITE
# (bookworm or trixie) with systemd, journald and cgroup v2, in which HEAD is built and installed as README.md says and
# lodge.service runs; the clone is its folder. Needs root, mmdebstrap, mke2fs and qemu-system-x86_64; not part of
# `make test`. Without KVM it works too, but the machine is ten times as slow. Exits with the command's status.
#   VM_CACHE    where the roots' tarballs and the machine in use are kept (default /var/cache/lodge-roots)
#   VM_SECONDS  how long the machine may run (default 3600)
#   VM_MEMORY   its memory in MiB (default 3072)
set -eu

suite=${1:-}
case $suite in
bookworm | trixie) shift ;;
*)
    echo "usage: vm.sh bookworm|trixie [COMMAND...]" >&2
    exit 2
    ;;
esac
[ $# -gt 0 ] || set -- tests/vm-check.sh
[ "$(id -u)" = 0 ] || { echo "vm: needs root" >&2; exit 1; }
for program in mmdebstrap:mmdebstrap mke2fs:e2fsprogs qemu-system-x86_64:qemu-system-x86; do
    command -v "${program%:*}" >/dev/null || {
        echo "vm: ${program%:*} is missing: apt-get install ${program#*:}" >&2
        exit 1
    }
done

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${VM_CACHE:-/var/cache/lodge-roots}
mkdir -p "$cache"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
    grep -oE '(https?|file)://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ')
[ -n "$mirror" ] || { echo "vm: found no Debian mirror in this machine's apt sources" >&2; exit 1; }

tarball=$cache/$suite-vm.tar
if [ ! -s "$tarball" ]; then
    echo "vm: making $tarball from $mirror"
    # shellcheck disable=SC2016
    mmdebstrap --quiet --format=tar --variant=apt \
        --include=make,git,ca-certificates,systemd-sysv,libpam-systemd,dbus-user-session,udev,linux-image-amd64 \
        --customize-hook='mkdir "$1/root/packaging"' \
        --customize-hook="tar -C '$top/packaging' -cf - . | tar -C \"\$1/root/packaging\" -xf -" \
        --customize-hook='chroot "$1" /root/packaging/setup.sh test' --customize-hook='rm -rf "$1/root/packaging"' \
        "$suite" "$tarball.part" "$mirror"
    mv "$tarball.part" "$tarball"
fi

work=$(mktemp -d "$cache/$suite-vm.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM HUP
root=$work/root
mkdir "$root"
tar -C "$root" -xf "$tarball"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
cp /etc/hosts "$root/etc/hosts"
git -c safe.directory='*' clone --quiet --no-hardlinks "$top" "$root/root/lodge"

echo "vm: $suite: builds and installs HEAD"
# What the machine runs once it is up: on its console, and the status on the second serial line.
{
    echo '#!/bin/sh'
    echo 'cd /root/lodge'
    for word in "$@"; do printf "set -- \"\$@\" '%s'\n" "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
    echo '"$@"'
    echo 'echo $? >/dev/ttyS1'
    echo 'systemctl --no-block poweroff'
} >"$root/root/command"
cat >"$root/etc/systemd/system/command.service" <<'END'
[Unit]
After=multi-user.target lodge.service
[Service]
ExecStart=/bin/sh /root/command
Environment=HOME=/root LANG=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
StandardInput=null
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Delegate=yes
DelegateSubgroup=smss
TasksMax=infinity
[Install]
WantedBy=multi-user.target
END
echo lodge-vm >"$root/etc/hostname"
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
mkdir -p "$root/var/log/journal"
# shellcheck disable=SC2016
VM_ROOT=$root unshare --mount --pid --fork --kill-child sh -eu -c '
    mount --bind "$VM_ROOT" "$VM_ROOT"
    cd "$VM_ROOT"
    mount -t proc proc proc
    mount --rbind /sys sys
    mount --rbind /dev dev
    mount -t tmpfs -o mode=755 tmpfs run
    exec chroot "$VM_ROOT" /usr/bin/env -i HOME=/root USER=root TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -eu -c "
        cd /root/lodge
        packaging/setup.sh test
        make build
        cmake --install build/release
        systemctl enable lodge command"' </dev/null >"$work/build.log" 2>&1 || {
    tail -n 30 "$work/build.log"
    echo "vm: the build failed" >&2
    exit 1
}

printf '127.0.0.1 localhost lodge-vm\n' >"$root/etc/hosts"
cp "$root"/boot/vmlinuz-* "$work/kernel"
cp "$root"/boot/initrd.img-* "$work/initrd"
mke2fs -q -t ext4 -d "$root" "$work/disk" "$(($(du -sm "$root" | cut -f1) + 3072))M"
rm -rf --one-file-system "$root"

# A processor that says it can, and a device to do it with.
accelerator=tcg
if [ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo; then
    accelerator=kvm
fi
echo "vm: $suite ($accelerator): $*"
timeout --foreground "${VM_SECONDS:-3600}" qemu-system-x86_64 -accel "$accelerator" -cpu max -smp 2 \
    -m "${VM_MEMORY:-3072}" -display none -no-reboot -kernel "$work/kernel" -initrd "$work/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet loglevel=3 systemd.show_status=no" \
    -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" -device virtio-rng-pci -nic none \
    -serial stdio -serial "file:$work/status" </dev/null || true
status=$(tr -dc 0-9 <"$work/status")
[ -n "$status" ] || { echo "vm: the machine ended before the command did" >&2; status=1; }
echo "vm: $suite: '$*' ended with $status"
exit "$status"
