# Reads one-line apt sources. Prints "have" for an entry of bookworm-backports, or else the first entry of bookworm main
# made over into a deb822 stanza of bookworm-backports.
BEGIN {
    field["signed-by"] = "Signed-By"
    field["arch"] = "Architectures"
    field["trusted"] = "Trusted"
    field["check-valid-until"] = "Check-Valid-Until"
    field["allow-insecure"] = "Allow-Insecure"
    field["allow-weak"] = "Allow-Weak"
    field["lang"] = "Languages"
}
{ sub(/#.*/, "") }
$1 != "deb" { next }
{
    options = ""
    line = $0
    sub(/^[ \t]*deb[ \t]+/, "", line)
    if (line ~ /^\[/) {
        options = substr(line, 2, index(line, "]") - 2)
        line = substr(line, index(line, "]") + 1)
    }
    n = split(line, part, /[ \t]+/)
    first = part[1] == "" ? 2 : 1
    uri = part[first]
    suite = part[first + 1]
    main = 0
    for (i = first + 2; i <= n; i++)
        if (part[i] == "main")
            main = 1
    if (!main || uri ~ /^cdrom:/)
        next
    if (suite == "bookworm-backports")
        have = 1
    if ((suite == "bookworm" || suite == "oldstable") && (!stanza || (!good && uri ~ /\/debian(\/|\.list|$)/))) {
        good = uri ~ /\/debian(\/|\.list|$)/
        stanza = "Types: deb\nURIs: " uri "\nSuites: bookworm-backports\nComponents: main\n"
        n = split(options, option, /[ \t]+/)
        for (i = 1; i <= n; i++) {
            at = index(option[i], "=")
            key = tolower(substr(option[i], 1, at - 1))
            text = substr(option[i], at + 1)
            gsub(/,/, " ", text)
            if (key in field)
                stanza = stanza field[key] ": " text "\n"
        }
    }
}
END { if (have) print "have"; else if (stanza) print stanza }
