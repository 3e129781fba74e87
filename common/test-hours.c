#include "common/hours.h"

#include "tests/check.h"

static void is(const char *text, unsigned count, unsigned days, unsigned from, unsigned to)
{
    struct hours hours;
    CHECK(hours_parse(&hours, text) && hours.count == count);
    CHECK(count == 0 || (hours.rules[count - 1].days == days && hours.rules[count - 1].from == from &&
                         hours.rules[count - 1].to == to));
}

static void refused(const char *text)
{
    struct hours hours = {.count = 3}, before = hours;
    if (hours_parse(&hours, text) || memcmp(&hours, &before, sizeof(hours)) != 0) {
        fprintf(stderr, "\"%s\" is taken\n", text);
        exit(1);
    }
}

int main(void)
{
    is("", 0, 0, 0, 0);
    is("  ", 0, 0, 0, 0);
    is("Mon-Fri 07:00-19:00", 1, 0x3e, 420, 1140);
    is("Mon-Fri 07:00-19:00, Sat 09:00-12:00", 2, 0x40, 540, 720);
    is("mon", 1, 0x02, 0, 1440);
    is("SAT-mon,Wed", 2, 0x08, 0, 1440);
    is("Sat-Mon", 1, 0x43, 0, 1440);
    is("Fri 22:00 - 06:00", 1, 0x20, 1320, 360);
    is("22:00-24:00", 1, 0x7f, 1320, 1440);
    is("Sun00:00-24:00", 1, 0x01, 0, 1440);
    is("Sun 22:00-00:00", 1, 0x01, 1320, 0);
    is("Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon", 12, 0x02, 0, 1440);
    static const char *const bad[] = {
        ",",
        "Mon,",
        ",Mon",
        "Mon,,Tue",
        "Monday",
        "Mon-",
        "Mon-Foo",
        "Mo",
        "always",
        "Mon 7:00-19:00",
        "Mon 07:00",
        "Mon 07:00-",
        "Mon 07:00-19:60",
        "Mon 24:00-01:00",
        "Mon 07:00-24:01",
        "Mon 07:00-25:00",
        "Mon 07:00-07:00",
        "Mon 07.00-08.00",
        "Mon 07:00-08:00 09:00-10:00",
        "Mon Tue",
        "07:00-08:00 Mon",
        "Mon 07:00-08:00;",
        "Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i]);
    return 0;
}
