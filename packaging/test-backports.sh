#!/bin/sh
# The entry for bookworm-backports follows from the entries for bookworm that a machine has, in both of apt's formats.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
failed=0

# expect WHAT FORMAT EXPECTED: runs standard input through the reader of FORMAT.
expect() {
    got=$(awk -f "$here/backports-$2.awk")
    if [ "$got" != "$3" ]; then
        printf '%s: expected\n%s\n--- but got\n%s\n' "$1" "$3" "$got"
        failed=1
    fi
}

expect "one line with options" list "Types: deb
URIs: http://mirror.example/debian/
Suites: bookworm-backports
Components: main
Architectures: amd64 i386
Signed-By: /usr/share/keyrings/k.gpg" <<'END'
# deb http://commented.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64,i386 signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian/ bookworm main contrib # mine
END

expect "one line, another's suite of the same name first" list "Types: deb
URIs: https://mirror.example/debian
Suites: bookworm-backports
Components: main" <<'END'
deb https://packages.example/php bookworm main
deb https://mirror.example/debian bookworm main
END

expect "one line, there already" list "have" <<'END'
deb http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-backports main contrib
END

expect "one line, nothing to go by" list "" <<'END'
deb http://mirror.example/debian trixie main
deb http://mirror.example/debian bookworm contrib
deb cdrom:[Debian]/ bookworm main
END

expect "deb822 with a key inside" deb822 "Types: deb
Suites: bookworm-backports
Components: main
URIs: mirror+file:///etc/apt/mirrors/debian.list
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----" <<'END'
Types: deb
URIs: https://packages.example/php
Suites: bookworm
Components: main

# the real one
Types: deb deb-src
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
END

expect "deb822, there already" deb822 "have" <<'END'
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
END

expect "deb822, there but switched off" deb822 "Types: deb
Suites: bookworm-backports
Components: main
URIs: http://mirror.example/debian" <<'END'
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Enabled: no

Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
END

exit "$failed"
