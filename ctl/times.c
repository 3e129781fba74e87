#include "ctl/times.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "ctl/moment.h"

#define AGO_MOST_S (INT64_C(100) * 366 * 86400)

static int64_t unit_of(char letter)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].letter == letter)
            return units[i].seconds;
    }
    return 0;
}

static bool parse_ago(const char *text, int64_t now_ms, int64_t *ms_r)
{
    int64_t ago = 0;
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        int64_t number = 0;
        if (!isdigit((unsigned char)*text))
            return false;
        for (; isdigit((unsigned char)*text); text++) {
            number = number * 10 + (*text - '0');
            if (number > AGO_MOST_S)
                return false;
        }
        int64_t unit = unit_of(*text++);
        if (unit == 0 || number > AGO_MOST_S / unit)
            return false;
        ago += number * unit;
        if (ago > AGO_MOST_S)
            return false;
    }
    *ms_r = now_ms - ago * 1000;
    return true;
}

/* The day `back` days before that of now_ms, at its beginning. */
static bool parse_day(int back, int64_t now_ms, int64_t *s_r)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm day;
    char text[32];
    localtime_r(&now, &day);
    day.tm_mday -= back;
    day.tm_hour = 12;
    day.tm_isdst = -1;
    mktime(&day);
    strftime(text, sizeof(text), "%Y-%m-%dT00:00", &day);
    return moment_parse(text, now_ms / 1000, s_r);
}

/* As moment_parse, and with seconds, or a day alone. */
static bool parse_point(const char *text, int64_t now_ms, int64_t *ms_r)
{
    char minute[32];
    long second = 0;
    int64_t s;
    size_t length = strlen(text);
    if (length >= sizeof(minute))
        return false;
    memcpy(minute, text, length + 1);
    if (length == sizeof("2026-12-31") - 1) {
        snprintf(minute + length, sizeof(minute) - length, "T00:00");
    } else if (length > 5 && length != sizeof("2026-12-31T18:00") - 1) {
        if (text[length - 3] != ':' || !isdigit((unsigned char)text[length - 2]) ||
            !text_number(text + length - 2, 0, 59, &second))
            return false;
        minute[length - 3] = '\0';
    }
    if (!moment_parse(minute, now_ms / 1000, &s))
        return false;
    *ms_r = (s + second) * 1000;
    return true;
}

static bool parse_name(const char *text, int64_t now_ms, int64_t *ms_r)
{
    bool yesterday = strcmp(text, "yesterday") == 0;
    if (strcmp(text, "now") == 0)
        return true;
    if ((!yesterday && strcmp(text, "today") != 0) || !parse_day(yesterday, now_ms, ms_r))
        return false;
    *ms_r *= 1000;
    return true;
}

bool times_parse(const char *text, int64_t now_ms, uint64_t *ms_r)
{
    int64_t ms = now_ms;
    bool found =
        parse_name(text, now_ms, &ms) || parse_ago(text, now_ms, &ms) || parse_point(text, now_ms, &ms);
    if (!found || ms <= 0)
        return false;
    *ms_r = (uint64_t)ms;
    return true;
}
