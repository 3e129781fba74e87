#!/bin/sh
# setup.sh run|test|bench: brings this Debian to where Lodge can be built and run, tested, or measured. Run as root.
# It says what it does, does only what is missing, and is done at once when nothing is.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sources=/etc/apt/sources.list.d

say() { printf 'setup: %s\n' "$*"; }

# stop WHAT NEXT: the step that failed, and what to do about it.
stop() {
    printf 'setup: %s\n' "$1" >&2
    printf 'setup: what to do: %s\n' "$2" >&2
    exit 1
}

usage() {
    echo "usage: setup.sh run|test|bench" >&2
    exit 2
}

groups_of() {
    case $1 in
    run) echo "build run" ;;
    test) echo "build run test" ;;
    bench) echo "build run test bench" ;;
    *) usage ;;
    esac
}

# The release's number. Only the two that Lodge supports go on.
release_read() {
    # shellcheck disable=SC1091
    release=$(. /etc/os-release && echo "${ID:-}-${VERSION_ID:-}")
    case $release in
    debian-12 | debian-13) release=${release#debian-} ;;
    *) stop "this is $release, not Debian 12 or 13" \
        "use Debian 12 or 13, or install the counterparts of the packages in $here/packages yourself" ;;
    esac
}

# Lines of the package list that count here: PACKAGE WHERE.
wanted() {
    awk -v groups="$1" -v release="$release" '
        BEGIN { n = split(groups, list, " "); for (i = 1; i <= n; i++) want[list[i]] = 1 }
        /^[ \t]*(#|$)/ { next }
        want[$1] && ($3 == "" || $3 == "backports" || $3 == release) { print $2, $3 }' "$here/packages"
}

# Of the packages on standard input, those that are not installed.
missing() {
    { dpkg-query -W -f='${db:Status-Status} ${Package}\n'; echo "--"; cat; } |
        awk '/^--$/ { list = 1; next } !list && $1 == "installed" { have[$2] = 1 } list && !have[$1]'
}

# The bookworm main entry that is configured already, as a deb822 stanza for bookworm-backports: the same mirror,
# signature and options. Others may call a suite of theirs bookworm too, so an address of Debian's own shape goes first.
# Prints "have" when backports is configured.
backports_stanza() {
    for file in "$sources"/*.sources; do
        [ -f "$file" ] && { cat "$file"; echo; }
    done | awk -f "$here/backports-deb822.awk"
    for file in /etc/apt/sources.list "$sources"/*.list; do
        [ -f "$file" ] && cat "$file"
    done | awk -f "$here/backports-list.awk"
}

backports_add() {
    stanza=$(backports_stanza)
    case "
$stanza" in
    *"
have"*) return ;;
    "
") stop "no apt source for bookworm main was found to take bookworm-backports from" \
        "add bookworm-backports to $sources yourself, then run this again" ;;
    esac
    say "adding bookworm-backports from the mirror of bookworm ($sources/lodge-backports.sources), for FreeRDP 3"
    printf '%s\n' "$stanza" | awk '/^$/ && seen { exit } NF { seen = 1; print }' >"$sources/lodge-backports.sources"
}

packages_install() {
    lacking=$(wanted "$1" | missing)
    if [ -z "$lacking" ]; then
        return
    fi
    names=$(echo "$lacking" | cut -d' ' -f1 | tr '\n' ' ')
    [ "$(id -u)" = 0 ] || stop "these packages are missing, and only root can install them: $names" \
        "run the same command with sudo"
    if [ "$release" = 12 ] && echo "$lacking" | grep -q ' backports$'; then
        backports_add
    fi
    say "updating apt's lists"
    apt-get -q -o DPkg::Lock::Timeout=600 update ||
        say "apt-get update met an error in one of the sources (above); going on, it may not matter here"
    say "installing: $names"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends $names ||
        stop "apt-get could not install the packages named above" \
            "see apt's own message; mostly the mirror could not be reached or a source in /etc/apt is broken. Try 'apt-get update', then this again"
}

user_add() {
    getent passwd "$1" >/dev/null && return
    say "creating the system user $1"
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1" ||
        stop "the system user $1 could not be created" "create it with useradd --system, then run this again"
}

pam_add() {
    [ -e /etc/pam.d/lodge ] && return
    say "installing /etc/pam.d/lodge"
    install -D -m 0644 "$here/pam/lodge" /etc/pam.d/lodge ||
        stop "/etc/pam.d/lodge could not be written" "copy $here/pam/lodge there as root"
}

# xrdp is wanted for comparison only: it must not serve this host because we installed it.
xrdp_stop() {
    case " $names " in *" xrdp "*) ;; *) return 0 ;; esac
    [ -d /run/systemd/system ] || return 0
    say "stopping and disabling the xrdp services that the package has started"
    systemctl disable --now xrdp xrdp-sesman || say "they could not be stopped; see systemctl status xrdp"
}

main() {
    [ $# -eq 1 ] || usage
    names=
    groups=$(groups_of "$1") || exit $?
    release_read
    packages_install "$groups"
    if [ "$(id -u)" = 0 ]; then
        user_add lodge
        user_add lodge-rdp
        pam_add
        xrdp_stop
    fi
}

main "$@"
