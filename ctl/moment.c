#include "ctl/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The digits of "dddd-dd-ddTdd:dd" or "dd:dd" where they have to be, and the rest as it has to be. */
static bool has_form(const char *text, const char *form)
{
    if (strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i])
            return false;
    }
    return true;
}

bool moment_parse(const char *text, int64_t now_s, int64_t *time_r)
{
    time_t now = (time_t)now_s;
    struct tm wanted;
    if (localtime_r(&now, &wanted) == NULL)
        return false;
    if (has_form(text, "dddd-dd-ddTdd:dd") || has_form(text, "dddd-dd-dd dd:dd")) {
        if (sscanf(text, "%4d-%2d-%2d%*c%2d:%2d", &wanted.tm_year, &wanted.tm_mon, &wanted.tm_mday,
                   &wanted.tm_hour, &wanted.tm_min) != 5)
            return false;
        wanted.tm_year -= 1900;
        wanted.tm_mon--;
    } else if (!has_form(text, "dd:dd") || sscanf(text, "%2d:%2d", &wanted.tm_hour, &wanted.tm_min) != 2) {
        return false;
    }
    wanted.tm_sec = 0;
    wanted.tm_isdst = -1;
    struct tm found = wanted;
    time_t time = mktime(&found);
    bool same = found.tm_year == wanted.tm_year && found.tm_mon == wanted.tm_mon &&
                found.tm_mday == wanted.tm_mday && found.tm_hour == wanted.tm_hour &&
                found.tm_min == wanted.tm_min;
    if (!same || time <= 0)
        return false;
    *time_r = time;
    return true;
}
