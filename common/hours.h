/* Logon hours as the configuration has them: "Mon-Fri 07:00-19:00, Sat 09:00-12:00". Rules are separated by
 * commas; each has days (DAY, or DAY-DAY, which may go over Sunday), a time of day (HH:MM-HH:MM), or both:
 * without days it is for each day, without a time for all of the day. 24:00 is a day's end; an end that comes
 * before its begin lies in the next day. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOURS_RULES_MAX 12
#define HOURS_DAY_MIN   (24 * 60)
#define HOURS_FORM      "hours such as \"Mon-Fri 07:00-19:00, Sat 22:00-02:00\", in at most 12 rules"

struct hours {
    uint8_t count; /* of rules; 0: at all hours */
    struct {
        uint8_t days;      /* bits 1 << day, Sunday is day 0 */
        uint16_t from, to; /* minutes of the day; to: not within. At most `from`: it lies in the next day */
    } rules[HOURS_RULES_MAX];
};

/* Reads such a text; an empty one means all hours. Returns false, *hours_r untouched, for anything else. */
bool hours_parse(struct hours *hours_r, const char *text);
