#include "common/hours.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* Each take_ function moves *at behind what it took, and returns false, *at untouched, where that is not
 * there. */
static bool take_character(const char **at, char wanted)
{
    const char *next = skip_blanks(*at);
    if (*next != wanted)
        return false;
    *at = next + 1;
    return true;
}

static bool take_day(const char **at, unsigned *day_r)
{
    const char *next = skip_blanks(*at);
    for (unsigned day = 0; day < 7; day++) {
        if (strncasecmp(next, days[day], 3) != 0)
            continue;
        *day_r = day;
        *at = next + 3;
        return true;
    }
    return false;
}

static bool take_days(const char **at, uint8_t *days_r)
{
    unsigned first, last;
    if (!take_day(at, &first))
        return false;
    last = first;
    const char *next = *at;
    if (take_character(&next, '-') && take_day(&next, &last))
        *at = next;
    *days_r = 0;
    for (unsigned day = first;; day = (day + 1) % 7) {
        *days_r |= (uint8_t)(1U << day);
        if (day == last)
            return true;
    }
}

static bool take_two_digits(const char **at, unsigned most, unsigned *number_r)
{
    const char *next = *at;
    if (next[0] < '0' || next[0] > '9' || next[1] < '0' || next[1] > '9')
        return false;
    *number_r = (unsigned)(next[0] - '0') * 10 + (unsigned)(next[1] - '0');
    *at = next + 2;
    return *number_r <= most;
}

static bool take_time(const char **at, uint16_t *minutes_r)
{
    const char *next = skip_blanks(*at);
    unsigned hour, minute;
    if (!take_two_digits(&next, 24, &hour) || *next++ != ':' || !take_two_digits(&next, 59, &minute) ||
        hour * 60 + minute > HOURS_DAY_MIN)
        return false;
    *minutes_r = (uint16_t)(hour * 60 + minute);
    *at = next;
    return true;
}

static bool take_span(const char **at, uint16_t *from_r, uint16_t *to_r)
{
    const char *next = *at;
    if (!take_time(&next, from_r) || !take_character(&next, '-') || !take_time(&next, to_r))
        return false;
    *at = next;
    return *from_r < HOURS_DAY_MIN && *from_r != *to_r;
}

static bool take_rule(const char **at, uint8_t *days_r, uint16_t *from_r, uint16_t *to_r)
{
    *days_r = 0x7f;
    *from_r = 0;
    *to_r = HOURS_DAY_MIN;
    bool has_days = take_days(at, days_r);
    const char *next = skip_blanks(*at);
    return *next >= '0' && *next <= '9' ? take_span(at, from_r, to_r) : has_days;
}

bool hours_parse(struct hours *hours_r, const char *text)
{
    struct hours hours = {0};
    const char *at = skip_blanks(text);
    while (*at != '\0' || hours.count > 0) {
        if (hours.count == HOURS_RULES_MAX ||
            !take_rule(&at, &hours.rules[hours.count].days, &hours.rules[hours.count].from,
                       &hours.rules[hours.count].to))
            return false;
        hours.count++;
        at = skip_blanks(at);
        if (*at == '\0')
            break;
        if (*at++ != ',')
            return false;
    }
    *hours_r = hours;
    return true;
}
