#!/bin/sh
# vm-check.sh: what Lodge does as a unit of systemd, seen with a real client; for the machine that vm.sh makes, as root.
# It says each thing that holds, and stops at the first that does not.
set -eu
deadline=${VM_DEADLINE:-180}
groups=/sys/fs/cgroup/system.slice/lodge.service/lodge-run-lodge
home=/home/ada
client=
screen=

fail() {
    echo "NOT SO: $*"
    systemctl status lodge --no-pager -n 0 || true
    journalctl -u lodge -n 40 --no-pager -o short-monotonic || true
    exit 1
}

# holds WHAT COMMAND...: the command succeeds within the deadline.
holds() {
    what=$1
    shift
    end=$(($(date +%s) + deadline))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$end" ] || fail "$what"
        sleep 0.2
    done
    echo "holds: $what"
}

end_client() {
    [ -z "$client" ] || kill "$client" 2>/dev/null || true
    client=
}
finish() {
    end_client
    [ -z "$screen" ] || kill "$screen" 2>/dev/null || true
}
trap finish EXIT

logon() {
    DISPLAY=:77 xfreerdp3 /v:127.0.0.1 /u:ada /p:"correct horse 7" /cert:ignore -clipboard /size:800x600 \
        >/tmp/client.log 2>&1 &
    client=$!
    holds "ada logs on" session_is active
    id=$(lodgectl list --json | sed -n 's/.*"id": *\([0-9]*\).*/\1/p' | head -n 1)
    holds "the desktop runs" test -s "$home/environment"
}
session_is() { lodgectl list --json | tr -d ' \n' | grep -q "\"user\":\"ada\".*\"state\":\"$1\"\|\"state\":\"$1\".*\"user\":\"ada\""; }
no_session() { ! lodgectl list --json | grep -q '"ada"'; }
main_pid() { systemctl show -p MainPID --value lodge; }
is_new() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$1" ] && systemctl is-active lodge; }
has_limit() { [ "$(cat "$groups/session-$id/$1")" = "$2" ]; }
said() { journalctl -q -b --no-pager -o cat "$@" | grep -q .; }

prepare() {
    useradd --create-home --shell /bin/sh ada
    echo "ada:correct horse 7" | chpasswd
    cat >"$home/.xsession" <<'END'
#!/bin/sh
trap 'echo TERM >>"$HOME/ends"; exit 0' TERM
ls -A "$XDG_RUNTIME_DIR" >"$HOME/runtime"
env >"$HOME/environment"
while :; do
    sleep 1 &
    wait $!
done
END
    chmod 755 "$home/.xsession"
    chown ada: "$home/.xsession"
    sed -i 's/^#MemoryMaxMiB.*/MemoryMaxMiB = 500/; s/^#TasksMax.*/TasksMax = 300/; s/^#CpuWeight.*/CpuWeight = 150/' \
        /etc/lodge/lodge.conf
    touch /etc/default/locale
    systemctl reload lodge
    Xvfb :77 -screen 0 1000x800x24 -nolisten tcp >/dev/null 2>&1 &
    screen=$!
    holds "an X server for the client" test -S /tmp/.X11-unix/X77
}

holds "the unit is ready" systemctl is-active lodge
[ "$(cat /proc/1/comm)" = systemd ] || fail "the machine runs systemd"
prepare
subgroup=$(systemctl --version | awk 'NR == 1 { print ($2 >= 254) }')
# Before systemd 254 controllers cannot be had, and health says so.
[ "$subgroup" != 1 ] || holds "health has nothing to say" lodgectl health

logon
[ -d "$groups/session-$id" ] || fail "the session has its own group below the unit"
grep -q /lodge-run-lodge/session- "/proc/$(pgrep -u ada -f .xsession | head -n 1)/cgroup" || fail "the desktop is in it"
if [ "$subgroup" = 1 ]; then
    holds "memory.max, pids.max and cpu.weight are set" \
        sh -c "cd $groups/session-$id && [ \$(cat memory.max) = 524288000 -a \$(cat pids.max) = 300 -a \$(cat cpu.weight) = 150 ]"
fi
holds "logind knows the session" sh -c "loginctl list-sessions --no-legend | grep -q ' ada .*lodge'"
grep -qx 'bus\|systemd' "$home/runtime" && fail "the runtime directory is the session's own"
grep -q '^DBUS_SESSION_BUS_ADDRESS=unix:.*/run/user' "$home/environment" && fail "the bus is the session's own"
holds "the journal has the session's events with fields" said "LODGE_SESSION=$id" LODGE_EVENT=21 LODGE_USER=ada

before=$(main_pid)
lodgectl upgrade >/dev/null || fail "an upgrade in place"
[ "$(main_pid)" = "$before" ] || fail "an upgrade keeps the main process"
for time in 1 2 3 4 5 6; do
    before=$(main_pid)
    kill -9 "$before"
    holds "lodge-smss is started again, death $time" is_new "$before"
    holds "the session goes on" session_is active
done
before=$(main_pid)
kill -STOP "$before"
holds "a lodge-smss that hangs is replaced" is_new "$before"
holds "the session goes on" session_is active
kill -0 "$client" || fail "the client is connected all the while"
holds "the journal has the warning as one" said -u lodge -p warning _COMM=lodge-smss

systemctl restart lodge || fail "a restart"
[ "$(cat "$home/ends")" = TERM ] || fail "a restart ends the session in order"
holds "nobody is there after a restart" no_session
end_client
rm "$home/environment"
logon
systemctl stop lodge || fail "a stop"
[ "$(systemctl show -p Result --value lodge)" = success ] || fail "a stop is a success"
[ ! -e "$groups" ] || fail "nothing is left of the unit's groups"
[ -z "$(pgrep -f libexec/lodge)" ] || fail "nothing of it runs"
said _SYSTEMD_UNIT=lodge.service -p err &&
    fail "no error in the log: $(journalctl _SYSTEMD_UNIT=lodge.service -p err -b --no-pager -o cat)"
echo "vm-check: all holds"
