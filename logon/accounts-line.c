#include "logon/accounts-line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"

#define FIELDS    7
#define DAY_FIRST 0
#define DAY_LAST  2932896 /* 9999-12-31 */

bool accounts_name_valid(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_",
                      rest[] = "abcdefghijklmnopqrstuvwxyz_0123456789-";
    size_t length = strlen(name);
    return length >= 1 && length <= ACCOUNT_NAME_MAX && strchr(first, name[0]) != NULL &&
           strspn(name, rest) == length;
}

bool account_full_name_valid(const char *name)
{
    return strlen(name) <= ACCOUNT_FULL_NAME_MAX && text_is_printable(name) && strpbrk(name, ":,") == NULL;
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t day_of(int year, int month, int day)
{
    struct tm parts = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return timegm(&parts) / 86400;
}

bool accounts_day_parse(const char *text, int64_t *day_r)
{
    if (strcmp(text, "never") == 0) {
        *day_r = ACCOUNT_NEVER;
        return true;
    }
    static const char pattern[] = "0000-00-00";
    if (strlen(text) != sizeof(pattern) - 1)
        return false;
    int parts[3] = {0, 0, 0}, part = 0;
    for (size_t i = 0; pattern[i] != '\0'; i++) {
        if (pattern[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return false;
        if (pattern[i] == '-')
            part++;
        else
            parts[part] = parts[part] * 10 + (text[i] - '0');
    }
    if (parts[0] < 1970 || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31)
        return false;
    int64_t day = day_of(parts[0], parts[1], parts[2]);
    char again[16];
    if (strcmp(accounts_day_format(day, again, sizeof(again)), text) != 0)
        return false; /* as the 31st of February */
    *day_r = day;
    return true;
}

const char *accounts_day_format(int64_t day, char *text, size_t size)
{
    struct tm parts;
    time_t seconds = (time_t)(day * 86400);
    if (day < DAY_FIRST || day > DAY_LAST || gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, size, "%Y-%m-%d", &parts) == 0)
        snprintf(text, size, "never");
    return text;
}

/* A yescrypt hash, or the mark for none: nothing that could break the line or the user database. */
static bool hash_valid(const char *hash)
{
    static const char alphabet[] = "./0123456789$"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (strcmp(hash, ACCOUNT_NO_PASSWORD) == 0)
        return true;
    size_t length = strlen(hash);
    return strncmp(hash, "$y$", 3) == 0 && length > 3 && length <= ACCOUNT_HASH_MAX &&
           strspn(hash, alphabet) == length;
}

/* One of two words, into *second_r whether it is the second. */
static bool word(const char *text, const char *first, const char *second, bool *second_r)
{
    *second_r = strcmp(text, second) == 0;
    return *second_r || strcmp(text, first) == 0;
}

static const char *fields_parse(char *fields[FIELDS], struct account *account_r)
{
    struct account account = {.uid = 0};
    long uid;
    if (!accounts_name_valid(fields[0]))
        return "the name is not one that an account may have";
    text_copy(account.name, sizeof(account.name), fields[0]);
    if (!text_number(fields[1], 1000, 2001000000, &uid))
        return "the uid is not a number from 1000 to 2001000000";
    account.uid = (uint32_t)uid;
    if (!hash_valid(fields[2]))
        return "the third field is neither a yescrypt hash nor !";
    text_copy(account.hash, sizeof(account.hash), fields[2]);
    if (!word(fields[3], "open", "locked", &account.locked))
        return "the fourth field is neither open nor locked";
    if (!accounts_day_parse(fields[4], &account.expires_day))
        return "the fifth field is neither never nor a date as 2030-12-31";
    if (!word(fields[5], "kept", "throwaway", &account.throwaway))
        return "the sixth field is neither kept nor throwaway";
    if (!account_full_name_valid(fields[6]))
        return "the full name is too long, or has a control character, a colon or a comma";
    text_copy(account.full_name, sizeof(account.full_name), fields[6]);
    *account_r = account;
    return NULL;
}

const char *account_line_parse(const char *line, size_t size, struct account *account_r)
{
    char copy[ACCOUNT_LINE_MAX + 1];
    if (size > ACCOUNT_LINE_MAX)
        return "the line is too long";
    if (memchr(line, '\0', size) != NULL)
        return "the line has a zero byte";
    memcpy(copy, line, size);
    copy[size] = '\0';
    char *fields[FIELDS], *rest = copy;
    size_t count = 0;
    while (rest != NULL && count < FIELDS)
        fields[count++] = strsep(&rest, ":");
    const char *problem = count == FIELDS && rest == NULL ? fields_parse(fields, account_r)
                                                          : "the line has not exactly seven fields";
    explicit_bzero(copy, sizeof(copy));
    return problem;
}

void account_line_format(const struct account *account, char *line)
{
    char day[16];
    snprintf(line, ACCOUNT_LINE_MAX + 1, "%s:%u:%s:%s:%s:%s:%s", account->name, account->uid, account->hash,
             account->locked ? "locked" : "open", accounts_day_format(account->expires_day, day, sizeof(day)),
             account->throwaway ? "throwaway" : "kept", account->full_name);
}
