/* Times as people type them. */
#include <time.h>

#include "ctl/times.h"
#include "tests/check.h"

#define NOW INT64_C(1777636805000) /* 2026-05-01 12:00:05 UTC */

static uint64_t parsed(const char *text)
{
    uint64_t ms = 0;
    if (!times_parse(text, NOW, &ms))
        fprintf(stderr, "\"%s\" is refused\n", text);
    CHECK(ms != 0);
    return ms;
}

int main(void)
{
    static const char *const wrong[] = {"",
                                        "2x",
                                        "h",
                                        "2h3",
                                        "-2h",
                                        "99999999w",
                                        "9999999999999999999999s",
                                        "24:00",
                                        "12:60",
                                        "2026-13-01",
                                        "2026-02-30",
                                        "2026-2-3",
                                        "2026-05-01 ",
                                        "1960-01-01",
                                        "yesterdays",
                                        "2026-05-01 12:00:05x"};
    uint64_t untouched = 7;
    CHECK(setenv("TZ", "EET-2", 1) == 0); /* two hours east, by no file of the machine */
    tzset();
    CHECK(parsed("90s") == NOW - 90000 && parsed("10m") == NOW - 600000 && parsed("2h") == NOW - 7200000);
    CHECK(parsed("3d") == NOW - 3 * 86400000 && parsed("1w") == NOW - 7 * 86400000);
    CHECK(parsed("1d12h") == NOW - 36 * 3600000 && parsed("0s") == NOW && parsed("now") == NOW);
    CHECK(parsed("2026-05-01 14:00:05") == NOW && parsed("2026-05-01T14:00:05") == NOW);
    CHECK(parsed("14:00:05") == NOW && parsed("14:00") == NOW - 5000);
    CHECK(parsed("2026-05-01 14:00") == NOW - 5000 && parsed("2026-05-01T14:00") == NOW - 5000);
    CHECK(parsed("today") == NOW - 14 * 3600000 - 5000 && parsed("2026-05-01") == parsed("today"));
    CHECK(parsed("yesterday") == parsed("today") - 86400000);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (times_parse(wrong[i], NOW, &untouched))
            fprintf(stderr, "\"%s\" is taken\n", wrong[i]);
        CHECK(untouched == 7);
    }
    return 0;
}
