#include "ctl/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rpc/lsm.h"

static const char *const state_names[] = {
    [LODGE__LSM__STATE__ACTIVE] = "active",
    [LODGE__LSM__STATE__CONNECTED] = "connected",
    [LODGE__LSM__STATE__CONNECT_QUERY] = "connect-query",
    [LODGE__LSM__STATE__SHADOW] = "shadow",
    [LODGE__LSM__STATE__DISCONNECTED] = "disconnected",
    [LODGE__LSM__STATE__IDLE] = "idle",
    [LODGE__LSM__STATE__LISTEN] = "listen",
    [LODGE__LSM__STATE__RESET] = "reset",
    [LODGE__LSM__STATE__DOWN] = "down",
    [LODGE__LSM__STATE__INIT] = "init",
};
#define STATE_COUNT (sizeof(state_names) / sizeof(state_names[0]))

const char *describe_state(uint32_t state)
{
    return state < STATE_COUNT ? state_names[state] : "unknown";
}

const char *describe_state_colour(const char *state)
{
    if (strncmp(state, "active", 6) == 0 || strncmp(state, "shadow", 6) == 0)
        return "32";
    return strcmp(state, "disconnected") == 0 ? "33" : NULL;
}

bool describe_state_find(const char *name, uint32_t *state_r)
{
    for (uint32_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state_r = i;
            return true;
        }
    }
    return false;
}

const char *describe_notice(uint32_t kind)
{
    static const char *const names[] = {
        [LODGE__LSM__NOTICE_KIND__NOTICE_UNKNOWN] = "notice",
        [LODGE__LSM__NOTICE_KIND__NOTICE_CREATE] = "create",
        [LODGE__LSM__NOTICE_KIND__NOTICE_LOGON] = "logon",
        [LODGE__LSM__NOTICE_KIND__NOTICE_CONNECT] = "connect",
        [LODGE__LSM__NOTICE_KIND__NOTICE_START] = "start",
        [LODGE__LSM__NOTICE_KIND__NOTICE_DISCONNECT] = "disconnect",
        [LODGE__LSM__NOTICE_KIND__NOTICE_RECONNECT] = "reconnect",
        [LODGE__LSM__NOTICE_KIND__NOTICE_LOGOFF] = "logoff",
        [LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE] = "terminate",
        [LODGE__LSM__NOTICE_KIND__NOTICE_REFUSE] = "refuse",
        [LODGE__LSM__NOTICE_KIND__NOTICE_LIMIT] = "limit",
        [LODGE__LSM__NOTICE_KIND__NOTICE_LOCK] = "lock",
        [LODGE__LSM__NOTICE_KIND__NOTICE_UNLOCK] = "unlock",
        [LODGE__LSM__NOTICE_KIND__NOTICE_LICENCE] = "licence",
        [LODGE__LSM__NOTICE_KIND__NOTICE_SHADOW_START] = "shadow-start",
        [LODGE__LSM__NOTICE_KIND__NOTICE_SHADOW_STOP] = "shadow-stop",
    };
    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : names[0];
}

const char *describe_time(uint64_t real_ms, char *text, size_t size)
{
    time_t seconds = (time_t)(real_ms / 1000);
    struct tm parts;
    if (real_ms == 0 || localtime_r(&seconds, &parts) == NULL ||
        strftime(text, size, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(text, size, "-");
    return text;
}

const char *describe_duration(uint64_t ms, char *text, size_t size)
{
    uint64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (days > 0)
        snprintf(text, size, "%" PRIu64 "d %02" PRIu64 "h", days, hours % 24);
    else if (hours > 0)
        snprintf(text, size, "%" PRIu64 "h %02" PRIu64 "m", hours, minutes % 60);
    else if (minutes > 0)
        snprintf(text, size, "%" PRIu64 "m", minutes);
    else
        snprintf(text, size, "%" PRIu64 "s", seconds);
    return text;
}

const char *describe_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char units[] = "KMGTPE";
    size_t unit = 0;
    if (bytes < 1024) {
        snprintf(text, size, "%" PRIu64, bytes);
        return text;
    }
    while (bytes >= 1024 * 1024) {
        bytes /= 1024;
        unit++;
    }
    if (bytes < 10 * 1024 && unit > 0)
        snprintf(text, size, "%" PRIu64 ".%" PRIu64 "%c", bytes / 1024, bytes % 1024 * 10 / 1024,
                 units[unit]);
    else
        snprintf(text, size, "%" PRIu64 "%c", bytes / 1024, units[unit]);
    return text;
}

const char *describe_cpu(uint64_t ms, char *text, size_t size)
{
    snprintf(text, size, "%" PRIu64 ":%02" PRIu64 ".%02" PRIu64, ms / 60000, ms / 1000 % 60, ms / 10 % 100);
    return text;
}
