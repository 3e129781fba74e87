#include "policy/hours.h"

#include <time.h>

#define STEP_MIN (12 * 60) /* no two changes of the zone lie so close */
#define SEARCH_S INT64_C(864000)

/* Where a time is in the week of the wall clock. */
struct moment {
    int minute; /* of the week, from Sunday 00:00 on */
    int second;
    long offset; /* of the zone */
};

static bool moment_of(int64_t time_s, struct moment *moment_r)
{
    time_t time = (time_t)time_s;
    struct tm local;
    if (localtime_r(&time, &local) == NULL)
        return false;
    *moment_r = (struct moment){local.tm_wday * HOURS_DAY_MIN + local.tm_hour * 60 + local.tm_min,
                                local.tm_sec < 60 ? local.tm_sec : 59, local.tm_gmtoff};
    return true;
}

static bool allows_minute(const struct hours *hours, int minute)
{
    int day = minute / HOURS_DAY_MIN, yesterday = (day + 6) % 7, at = minute % HOURS_DAY_MIN;
    for (unsigned i = 0; i < hours->count; i++) {
        bool today = hours->rules[i].days & 1U << day, before = hours->rules[i].days & 1U << yesterday;
        int from = hours->rules[i].from, to = hours->rules[i].to;
        bool overnight = to < from;
        if (today && at >= from && (overnight || at < to))
            return true;
        if (before && overnight && at < to)
            return true;
    }
    return hours->count == 0;
}

/* Minutes from this one to the next at which a rule begins or ends. At most a day. */
static int minutes_to_boundary(const struct hours *hours, int minute)
{
    int at = minute % HOURS_DAY_MIN, least = HOURS_DAY_MIN - at;
    for (unsigned i = 0; i < hours->count; i++) {
        int from = hours->rules[i].from - at, to = hours->rules[i].to - at;
        if (from > 0 && from < least)
            least = from;
        if (to > 0 && to < least)
            least = to;
    }
    return least;
}

bool policy_hours_allow(const struct hours *hours, int64_t time_s)
{
    struct moment moment;
    return hours->count == 0 || !moment_of(time_s, &moment) || allows_minute(hours, moment.minute);
}

/* The first second after `from_s`, at `to_s` at latest, at which the zone's offset is not that of from_s. */
static int64_t find_shift(int64_t from_s, int64_t to_s, long offset)
{
    while (to_s - from_s > 1) {
        struct moment middle;
        int64_t middle_s = from_s + (to_s - from_s) / 2;
        if (moment_of(middle_s, &middle) && middle.offset == offset)
            from_s = middle_s;
        else
            to_s = middle_s;
    }
    return to_s;
}

int64_t policy_hours_change(const struct hours *hours, int64_t time_s)
{
    struct moment now, next;
    if (hours->count == 0 || !moment_of(time_s, &now))
        return HOURS_NEVER;
    bool allowed = allows_minute(hours, now.minute);
    for (int64_t at_s = time_s; at_s < time_s + SEARCH_S;) {
        int minutes = minutes_to_boundary(hours, now.minute);
        if (minutes > STEP_MIN)
            minutes = STEP_MIN;
        int64_t next_s = at_s + minutes * INT64_C(60) - now.second;
        if (!moment_of(next_s, &next))
            return HOURS_NEVER;
        if (next.offset != now.offset) {
            next_s = find_shift(at_s, next_s, now.offset);
            if (!moment_of(next_s, &next))
                return HOURS_NEVER;
        }
        if (allows_minute(hours, next.minute) != allowed)
            return next_s;
        at_s = next_s;
        now = next;
    }
    return HOURS_NEVER;
}

const char *policy_hours_say(const struct hours *hours, int64_t time_s, char *text, size_t size)
{
    int64_t change_s = policy_hours_allow(hours, time_s) ? HOURS_NEVER : policy_hours_change(hours, time_s);
    time_t change = (time_t)change_s;
    struct tm local;
    text[0] = '\0';
    if (change_s == HOURS_NEVER || localtime_r(&change, &local) == NULL ||
        strftime(text, size, "You may log on again on %A, %d %B, at %H:%M.", &local) == 0)
        text[0] = '\0';
    return text;
}
