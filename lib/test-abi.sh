#!/bin/sh
# test-abi.sh HEADERS LIBRARY CC CXX: programs in C and, where CXX is there, in C++ build on the header alone and run;
# the library shows the header's functions, all of them and nothing else, under its name; the man page has them.
set -eu
headers=$1 library=$2 cc=$3 cxx=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The header alone: what is beside it in the tree is not there for a program.
mkdir "$work/include"
cp "$headers/lodge.h" "$work/include/lodge.h"
cat >"$work/program.c" <<'END'
#include <lodge.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    struct lodge *lodge = NULL;
    struct lodge_error error;
    struct lodge_sessions *sessions = NULL;
    if (lodge_open_port(argc > 1 ? argv[1] : "/nonexistent/lsm.port", &lodge, &error) == 0 &&
        lodge_list_all(lodge, &sessions, &error) == 0)
        printf("%zu\n", sessions->count);
    lodge_sessions_free(sessions);
    lodge_close(lodge);
    return error.code < 0 && error.text[0] != '\0' ? 0 : 1;
}
END
cp "$work/program.c" "$work/program.cc"

build_and_run() { # COMPILER LANGUAGE-OPTION SOURCE
    if ! "$1" "$2" -Wall -Wextra -Wpedantic -Werror -I"$work/include" "$3" -o "$work/program" "$library" \
        -Wl,-rpath,"$(dirname "$library")" || ! "$work/program"; then
        echo "no program of $3 with $1 $2"
        failed=1
    fi
}
for standard in c99 c17; do
    build_and_run "$cc" -std=$standard "$work/program.c"
done
if [ -n "$cxx" ] && command -v "$cxx" >/dev/null; then
    for standard in c++11 c++20; do
        build_and_run "$cxx" -std=$standard "$work/program.cc"
    done
fi

"$cc" -E -P -I"$work/include" "$headers/lodge.h" | tr '\n' ' ' | tr ';{}' '\n\n\n' |
    grep 'visibility("default")' | grep -o 'lodge_[a-z_]*(' | tr -d '(' | sort >"$work/promised"
nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' | sort >"$work/shown"
[ "$(wc -l <"$work/promised")" -ge 16 ] || { echo "the header's functions were not found"; failed=1; }
diff "$work/promised" "$work/shown" || { echo "(<: in the header, >: in the library)"; failed=1; }
while read -r name; do
    grep -q "[ *]$name(" "$headers/../docs/man/liblodge.3" || { echo "liblodge(3) has no $name"; failed=1; }
done <"$work/promised"
readelf -d "$library" | grep -q 'SONAME.*\[liblodge\.so\.0\]' || { echo "it has another SONAME"; failed=1; }
exit $failed
