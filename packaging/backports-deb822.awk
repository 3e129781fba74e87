# Reads deb822 apt sources. Prints "have" for an entry of bookworm-backports, or else the first entry of bookworm main
# made over into one of bookworm-backports.
function word_in(list, word,    n, i, words) {
    n = split(list, words, /[ \t\n]+/)
    for (i = 1; i <= n; i++)
        if (words[i] == word)
            return 1
    return 0
}
function stanza_end(    i, key) {
    if (count && tolower(value["enabled"]) !~ /^(no|false|off|0)$/ && word_in(value["types"], "deb") \
        && word_in(value["components"], "main")) {
        if (word_in(value["suites"], "bookworm-backports"))
            have = 1
        else if ((!stanza || (!good && value["uris"] ~ /\/debian(\/|\.list|$)/)) &&
                 (word_in(value["suites"], "bookworm") || word_in(value["suites"], "oldstable"))) {
            good = value["uris"] ~ /\/debian(\/|\.list|$)/
            stanza = "Types: deb\nSuites: bookworm-backports\nComponents: main\n"
            for (i = 1; i <= count; i++) {
                key = tolower(name[i])
                if (key !~ /^(types|suites|components|enabled)$/)
                    stanza = stanza name[i] (value[key] ~ /^\n/ ? ":" : ": ") value[key] "\n"
            }
        }
    }
    count = 0
    split("", value)
    split("", name)
}
/^#/ { next }
/^[ \t]*$/ { stanza_end(); next }
/^[ \t]/ { if (count) value[tolower(name[count])] = value[tolower(name[count])] "\n" $0; next }
/^[^:]+:/ {
    name[++count] = substr($0, 1, index($0, ":") - 1)
    rest = substr($0, index($0, ":") + 1)
    sub(/^[ \t]+/, "", rest)
    sub(/[ \t]+$/, "", rest)
    value[tolower(name[count])] = rest
}
END { stanza_end(); if (have) print "have"; else if (stanza) print stanza }
