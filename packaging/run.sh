#!/bin/sh
# Serves desktops from this tree until Ctrl-C: everything in directories of its own, with a lab account `demo`. Run as
# root (`make run`). PORT chooses the TCP port (3389).
#   LODGE_RUN_STATE  what outlives a run: configuration, accounts, certificate (default /var/lib/lodge-run)
#   LODGE_RUN_DIR    what does not (default /run/lodge-run)
#   LODGE_PROGRAMS   the folder of the programs (default build/release/bin of this tree)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
programs=${LODGE_PROGRAMS:-$here/../build/release/bin}
state=${LODGE_RUN_STATE:-/var/lib/lodge-run}
run=${LODGE_RUN_DIR:-/run/lodge-run}
port=${PORT:-3389}
config=$state/lodge.conf
user=demo
smss=
stopping=

say() { printf '%s\n' "$*"; }
fail() {
    printf 'make run: %s\n' "$*" >&2
    exit 1
}

check() {
    [ "$(id -u)" = 0 ] || fail "sessions of other people are started as root; run it with sudo"
    [ -x "$programs/lodge-smss" ] || fail "$programs/lodge-smss is not built; run make build"
    case $port in
    '' | *[!0-9]*) fail "PORT is \"$port\", but must be a number from 1 to 65535" ;;
    esac
    if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
        fail "PORT is $port, but must be a number from 1 to 65535"
    fi
}

# One at a time: the lock is this shell's and is not inherited by what it starts.
lock() {
    install -d -m 0755 "$state"
    exec 9>"$state/run.lock"
    flock --nonblock 9 || fail "another make run is serving with $state already; end it with Ctrl-C where it runs," \
        "or choose other directories with LODGE_RUN_STATE and LODGE_RUN_DIR (and another PORT)"
}

configure() {
    [ -e "$config" ] || cat >"$config" <<END
# Made by make run, which sets Port at every start. The rest is yours to change; see lodge.conf(5).
[Server]
RunDirectory = $run
StateDirectory = $state

[Listener]
Port = $port

[Sessions]
Desktop = lodge-desktop
END
    sed -i "s/^Port *=.*/Port = $port/" "$config"
}

lodgectl() { "$programs/lodgectl" --config "$config" "$@" 9>&-; }

# The account's password is made once and kept for root, so that every run can say it.
account_make() {
    if [ ! -s "$state/$user-password" ]; then
        (umask 077 && openssl rand -hex 8 | tr -d '\n' >"$state/$user-password")
    fi
    password=$(cat "$state/$user-password")
    if ! lodgectl account list --json | grep -q "\"$user\""; then
        say "$password" | lodgectl account add "$user" --full-name "Demonstration" --password-stdin >/dev/null ||
            fail "the account $user could not be made"
    fi
}

# In a process group of its own, so that Ctrl-C reaches it once: as the signal that this script sends. It is told to
# stop too when this script is killed. A shell lets what it starts with & ignore SIGINT; sessions would inherit that.
smss_start() {
    env --default-signal=INT,QUIT setsid setpriv --pdeathsig TERM "$programs/lodge-smss" --config "$config" 9>&- &
    smss=$!
}

smss_stop() {
    stopping=yes
    [ -z "$smss" ] || kill -TERM "$smss" 2>/dev/null || true
}

# The certificate that is served: the configured one, else the one that the listener makes at its first start.
certificate_path() {
    configured=$(sed -n 's/^[ \t]*Certificate[ \t]*=[ \t]*//p' "$config" | tail -n 1)
    echo "${configured:-$state/rdp-cert.pem}"
}

# Waits until the server answers and has its certificate. 1 when smss has ended instead, which has then said why.
wait_until_up() {
    tries=0
    while ! { [ -s "$(certificate_path)" ] && lodgectl ping >/dev/null 2>&1; }; do
        if [ -n "$stopping" ] || ! kill -0 "$smss" 2>/dev/null; then
            return 1
        fi
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "the server did not answer within 30 seconds"
        sleep 0.1
    done
}

announce() {
    address=$(hostname -I 2>/dev/null | cut -d' ' -f1)
    [ -n "$address" ] || address=127.0.0.1
    fingerprint=$(openssl x509 -in "$(certificate_path)" -noout -fingerprint -sha256 2>/dev/null | cut -d= -f2)
    cat <<END

Lodge serves desktops.

  address      $address:$port
  account      $user
  password     $password
  certificate  SHA-256 ${fingerprint:-unknown}

  from here:       xfreerdp3 /v:127.0.0.1:$port /u:$user /p:$password /cert:ignore
  from elsewhere:  xfreerdp3 /v:$address:$port /u:$user /p:$password /cert:fingerprint:sha256:$(
        echo "${fingerprint:-}" | tr 'A-F' 'a-f'
    )

Ctrl-C ends it, and the sessions with it.

END
}

# Waits for smss to end, whatever signals come meanwhile, and puts its status into `status`.
smss_wait() {
    status=0
    wait "$smss" || status=$?
    while kill -0 "$smss" 2>/dev/null; do
        status=0
        wait "$smss" || status=$?
    done
}

# A manager that was killed is started again: the sessions and clients have stayed, and it takes them in.
serve() {
    restarts=0
    while :; do
        started=$(date +%s)
        smss_wait
        if [ -n "$stopping" ] || [ "$status" -le 128 ]; then
            break
        fi
        [ $(($(date +%s) - started)) -lt 10 ] || restarts=0
        restarts=$((restarts + 1))
        [ "$restarts" -le 5 ] || fail "lodge-smss was ended by a signal $restarts times in a row; giving up"
        say "make run: lodge-smss was ended by signal $((status - 128)); starting it again"
        smss_start
    done
}

check
lock
configure
trap smss_stop INT TERM HUP
account_make
smss_start
if wait_until_up; then
    announce
fi
serve
if [ -n "$stopping" ] && [ "$status" = 0 ]; then
    say "make run: ended"
fi
exit "$status"
