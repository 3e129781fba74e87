#include "ctl/describe.h"

#include "tests/check.h"

int main(void)
{
    char text[DESCRIBE_ROOM];
    CHECK_TEXT(describe_state(0), "active");
    CHECK_TEXT(describe_state(4), "disconnected");
    CHECK_TEXT(describe_state(9), "init");
    CHECK_TEXT(describe_state(10), "unknown");
    CHECK_TEXT(describe_state(UINT32_MAX), "unknown");
    CHECK(setenv("TZ", "UTC", 1) == 0);
    CHECK_TEXT(describe_time(0, text, sizeof(text)), "-");
    CHECK_TEXT(describe_time(1777636805999, text, sizeof(text)), "2026-05-01 12:00:05");
    CHECK_TEXT(describe_time(UINT64_MAX, text, sizeof(text)), "584556019-04-03 14:25:51");
    CHECK_TEXT(describe_duration(999, text, sizeof(text)), "0s");
    CHECK_TEXT(describe_duration(59999, text, sizeof(text)), "59s");
    CHECK_TEXT(describe_duration(60000, text, sizeof(text)), "1m");
    CHECK_TEXT(describe_duration(3600000 * 3 + 60000 * 5, text, sizeof(text)), "3h 05m");
    CHECK_TEXT(describe_duration(86400000ull * 2 + 3600000 * 4, text, sizeof(text)), "2d 04h");
    CHECK_TEXT(describe_duration(UINT64_MAX, text, sizeof(text)), "213503982334d 14h");
    CHECK_TEXT(describe_bytes(0, text, sizeof(text)), "0");
    CHECK_TEXT(describe_bytes(1023, text, sizeof(text)), "1023");
    CHECK_TEXT(describe_bytes(20480, text, sizeof(text)), "20K");
    CHECK_TEXT(describe_bytes(1024 * 1024 * 3 / 2, text, sizeof(text)), "1.5M");
    CHECK_TEXT(describe_bytes(UINT64_C(20) << 30, text, sizeof(text)), "20G");
    CHECK_TEXT(describe_bytes(UINT64_MAX, text, sizeof(text)), "15E");
    CHECK_TEXT(describe_cpu(61234, text, sizeof(text)), "1:01.23");
    CHECK_TEXT(describe_state_colour("active"), "32");
    CHECK(describe_state_colour("down") == NULL);
    return 0;
}
