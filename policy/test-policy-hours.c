/* Rows around midnight and the changes of summer time, then random hours at random times against a search
 * minute by minute. */
#include "policy/hours.h"

#include <time.h>

#include "tests/check.h"

#define ROUNDS 3000

static int64_t at(int year, int month, int day, int hour, int minute, int dst)
{
    struct tm local = {.tm_year = year - 1900,
                       .tm_mon = month - 1,
                       .tm_mday = day,
                       .tm_hour = hour,
                       .tm_min = minute,
                       .tm_isdst = dst};
    return mktime(&local);
}

static void zone(const char *name)
{
    CHECK(setenv("TZ", name, 1) == 0);
    tzset();
}

static struct hours of(const char *text)
{
    struct hours hours;
    CHECK(hours_parse(&hours, text));
    return hours;
}

static void expect(const char *text, int64_t time_s, bool allowed, int64_t change_s)
{
    struct hours hours = of(text);
    if (policy_hours_allow(&hours, time_s) != allowed || policy_hours_change(&hours, time_s) != change_s) {
        fprintf(stderr, "%s at %lld: %d, changes at %lld, not at %lld\n", text, (long long)time_s,
                policy_hours_allow(&hours, time_s), (long long)policy_hours_change(&hours, time_s),
                (long long)change_s);
        exit(1);
    }
}

/* 2026-11-30 is a Monday. */
static void ordinary_days(void)
{
    static const char week[] = "Mon-Fri 07:00-19:00, Sat 09:00-12:00";
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    expect("", at(2026, 11, 30, 8, 0, 0), true, HOURS_NEVER);
    expect("00:00-24:00", at(2026, 11, 30, 8, 0, 0), true, HOURS_NEVER);
    expect(week, at(2026, 11, 30, 6, 59, 0), false, at(2026, 11, 30, 7, 0, 0));
    expect(week, at(2026, 11, 30, 7, 0, 0), true, at(2026, 11, 30, 19, 0, 0));
    expect(week, at(2026, 11, 30, 19, 0, 0) - 1, true, at(2026, 11, 30, 19, 0, 0));
    expect(week, at(2026, 12, 4, 19, 0, 0), false, at(2026, 12, 5, 9, 0, 0));
    expect(week, at(2026, 12, 5, 12, 0, 0) + 30, false, at(2026, 12, 7, 7, 0, 0));
    expect("Sun 10:00-11:00", at(2026, 11, 29, 11, 0, 0), false, at(2026, 12, 6, 10, 0, 0));
    expect("Mon, Tue, Thu 00:00-12:00", at(2026, 11, 30, 8, 0, 0), true, at(2026, 12, 2, 0, 0, 0));
    /* over midnight, of the days named alone */
    expect("Mon 22:00-06:00", at(2026, 11, 30, 23, 0, 0), true, at(2026, 12, 1, 6, 0, 0));
    expect("Mon 22:00-06:00", at(2026, 12, 1, 5, 59, 0), true, at(2026, 12, 1, 6, 0, 0));
    expect("Mon 22:00-06:00", at(2026, 12, 1, 23, 0, 0), false, at(2026, 12, 7, 22, 0, 0));
    expect("Sat 22:00-00:00", at(2026, 12, 5, 23, 59, 0), true, at(2026, 12, 6, 0, 0, 0));
    expect("Sat 22:00-02:00", at(2026, 12, 6, 1, 0, 0), true, at(2026, 12, 6, 2, 0, 0));
}

static void said(void)
{
    char text[96];
    struct hours hours = of("Mon-Fri 07:00-19:00");
    CHECK_TEXT(policy_hours_say(&hours, at(2026, 11, 28, 8, 0, 0), text, sizeof(text)),
               "You may log on again on Monday, 30 November, at 07:00.");
    CHECK_TEXT(policy_hours_say(&hours, at(2026, 12, 3, 19, 0, 0), text, sizeof(text)),
               "You may log on again on Friday, 04 December, at 07:00.");
    CHECK_TEXT(policy_hours_say(&hours, at(2026, 11, 30, 8, 0, 0), text, sizeof(text)), "");
    CHECK_TEXT(policy_hours_say(&hours, at(2026, 11, 28, 8, 0, 0), text, 20), "");
}

/* 2027-03-28 02:00 is 03:00; 2026-10-25 03:00 is 02:00 again. */
static void summer_time(void)
{
    int64_t spring = at(2027, 3, 28, 1, 59, 0) + 60, autumn = at(2026, 10, 25, 2, 59, 1) + 60;
    CHECK(at(2027, 3, 28, 3, 0, 1) == spring && at(2026, 10, 25, 2, 0, 0) == autumn);
    expect("00:00-07:00", at(2027, 3, 28, 0, 30, 0), true, at(2027, 3, 28, 7, 0, 1));
    CHECK(at(2027, 3, 28, 7, 0, 1) - at(2027, 3, 28, 0, 0, 0) == 6 * 3600);
    /* ends, begins, or is altogether in the hour that is left out */
    expect("01:00-02:30", at(2027, 3, 28, 1, 30, 0), true, spring);
    expect("02:30-04:00", at(2027, 3, 28, 1, 30, 0), false, spring);
    expect("02:10-02:20", at(2027, 3, 28, 1, 30, 0), false, at(2027, 3, 29, 2, 10, 1));
    /* the hour that is there twice */
    expect("00:00-07:00", at(2026, 10, 25, 0, 30, 1), true, at(2026, 10, 25, 7, 0, 0));
    expect("01:00-02:30", at(2026, 10, 25, 1, 30, 1), true, at(2026, 10, 25, 2, 30, 1));
    expect("01:00-02:30", at(2026, 10, 25, 2, 45, 1), false, autumn);
    expect("01:00-02:30", at(2026, 10, 25, 2, 10, 0), true, at(2026, 10, 25, 2, 30, 0));
}

static unsigned dice(unsigned sides)
{
    return (unsigned)random() % sides;
}

static struct hours random_hours(void)
{
    struct hours hours = {.count = (uint8_t)(1 + dice(3))};
    for (unsigned i = 0; i < hours.count; i++) {
        hours.rules[i].days = (uint8_t)(1 + dice(127));
        hours.rules[i].from = (uint16_t)dice(HOURS_DAY_MIN);
        hours.rules[i].to = (uint16_t)dice(HOURS_DAY_MIN + 1);
        if (hours.rules[i].to == hours.rules[i].from)
            hours.rules[i].to++;
    }
    return hours;
}

/* The change is where the answer changes, and nowhere before. */
static void random_weeks(const char *name, unsigned seed)
{
    zone(name);
    srandom(seed);
    int64_t begin_s = at(2026, 1, 1, 0, 0, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct hours hours = random_hours();
        int64_t time_s = begin_s + random() % (400 * INT64_C(86400));
        if (round % 2 == 0) /* near the changes of summer time in this zone and that */
            time_s = at(round % 4 == 0 ? 2026 : 2027, round % 8 < 4 ? 3 : 10, 24 + (int)dice(8), 0, 0, -1) +
                     random() % 86400;
        bool allowed = policy_hours_allow(&hours, time_s);
        int64_t change_s = policy_hours_change(&hours, time_s);
        int64_t end_s = change_s == HOURS_NEVER ? time_s + 8 * 86400 : change_s;
        CHECK(change_s > time_s);
        for (int64_t s = time_s; s < end_s; s += 60 - s % 60)
            CHECK(policy_hours_allow(&hours, s) == allowed);
        CHECK(change_s == HOURS_NEVER || policy_hours_allow(&hours, change_s) != allowed);
    }
}

int main(void)
{
    ordinary_days();
    said();
    summer_time();
    random_weeks("CET-1CEST,M3.5.0,M10.5.0/3", 1);
    random_weeks("UTC0", 2);
    random_weeks("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 3); /* Lord Howe: half an hour */
    random_weeks("NST3:30NDT,M3.2.0,M11.1.0", 4);
    return 0;
}
