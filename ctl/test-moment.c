#include "ctl/moment.h"

#include <time.h>

#include "tests/check.h"

int main(void)
{
    int64_t now_s = 1796040000, time_s = 7; /* 2026-11-30 12:00 UTC */
    CHECK(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1) == 0);
    tzset();
    CHECK(moment_parse("2026-11-30T07:00", now_s, &time_s) && time_s == now_s - 6 * 3600);
    CHECK(moment_parse("2026-11-30 07:01", now_s, &time_s) && time_s == now_s - 6 * 3600 + 60);
    CHECK(moment_parse("14:00", now_s, &time_s) && time_s == now_s + 3600);
    CHECK(moment_parse("2027-07-01T14:00", now_s, &time_s) && time_s == 1814443200);
    static const char *const bad[] = {"",
                                      "7:00",
                                      "24:00",
                                      "07:60",
                                      "2026-11-30",
                                      "2026-02-30T07:00",
                                      "2026-13-01T07:00",
                                      "2026-11-30T07:00:00",
                                      "2026-11-30X07:00",
                                      "1960-01-01T00:00",
                                      "2027-03-28T02:30", /* left out */
                                      "tomorrow"};
    time_s = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (moment_parse(bad[i], now_s, &time_s)) {
            fprintf(stderr, "\"%s\" is taken\n", bad[i]);
            return 1;
        }
    }
    CHECK(time_s == 7);
    return 0;
}
