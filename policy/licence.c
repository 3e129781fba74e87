#include "policy/licence.h"

#include <stddef.h>
#include <string.h>

static const char *const mode_names[] = {
    [LICENCE_NONE] = "none",
    [LICENCE_PER_USER] = "per-user",
    [LICENCE_PER_DEVICE] = "per-device",
    [LICENCE_CONCURRENT] = "concurrent",
};
_Static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == LICENCE_MODES, "each mode has its name");

bool licence_mode_parse(const char *name, enum licence_mode *mode_r)
{
    for (size_t i = 0; i < LICENCE_MODES; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *mode_r = (enum licence_mode)i;
            return true;
        }
    }
    return false;
}

const char *licence_mode_name(enum licence_mode mode)
{
    return mode < LICENCE_MODES ? mode_names[mode] : "unknown";
}

bool licence_in_grace(const struct licence_rules *rules, int64_t now_ms, int64_t first_use_ms)
{
    /* a clock that was set back before the first use makes no grace period where there is none */
    return rules->grace_days > 0 && now_ms - first_use_ms < rules->grace_days * LICENCE_DAY_MS;
}

bool licence_is_valid(const struct licence *licence, bool live, int64_t now_ms)
{
    return live || now_ms < licence->expires_ms;
}

bool licence_takes_place(const struct licence *licence, bool live, int64_t now_ms)
{
    return licence->kind == LICENCE_PERMANENT && licence_is_valid(licence, live, now_ms);
}

unsigned licence_revocable(const struct licence_rules *rules)
{
    return (unsigned)((uint64_t)rules->pool * rules->revoke_percent / 100);
}

static int64_t expiry_of(const struct licence_rules *rules, int64_t now_ms, uint32_t random)
{
    unsigned spread = LICENCE_DEVICE_DAYS_MAX - LICENCE_DEVICE_DAYS_MIN + 1;
    unsigned days =
        rules->mode == LICENCE_PER_USER ? LICENCE_USER_DAYS : LICENCE_DEVICE_DAYS_MIN + random % spread;
    return now_ms + days * LICENCE_DAY_MS;
}

struct licence licence_make(const struct licence_rules *rules, int64_t now_ms, uint32_t random)
{
    return (struct licence){.kind = LICENCE_PERMANENT,
                            .issued_ms = now_ms,
                            .expires_ms = expiry_of(rules, now_ms, random),
                            .used_ms = now_ms};
}

static struct licence_decision give(enum licence_verdict verdict, const struct licence *licence)
{
    return (struct licence_decision){.verdict = verdict, .licence = *licence};
}

static enum licence_verdict exhausted(const struct licence_rules *rules, int64_t now_ms, int64_t first_use_ms)
{
    return licence_in_grace(rules, now_ms, first_use_ms) ? LICENCE_WARN : LICENCE_REFUSE;
}

/* The holder has no valid licence, or a temporary one only. */
static struct licence_decision decide_new(const struct licence_rules *rules,
                                          const struct licence_facts *facts)
{
    struct licence made = licence_make(rules, facts->now_ms, facts->random);
    if (rules->mode == LICENCE_PER_DEVICE && !facts->has) {
        made.kind = LICENCE_TEMPORARY;
        made.expires_ms = facts->now_ms + rules->temporary_days * LICENCE_DAY_MS;
        return give(LICENCE_ISSUE, &made);
    }
    if (facts->in_use < rules->pool)
        return give(LICENCE_ISSUE, &made);
    if (facts->has && licence_is_valid(&facts->held, facts->live, facts->now_ms))
        return give(LICENCE_ADMIT, &facts->held);
    return give(exhausted(rules, facts->now_ms, facts->first_use_ms), &made);
}

struct licence_decision licence_decide(const struct licence_rules *rules, const struct licence_facts *facts)
{
    const struct licence *held = &facts->held;
    if (!facts->has || !licence_takes_place(held, facts->live, facts->now_ms))
        return decide_new(rules, facts);
    struct licence renewed = *held;
    renewed.used_ms = facts->now_ms;
    bool late = held->expires_ms - facts->now_ms < LICENCE_RENEW_DAYS * LICENCE_DAY_MS;
    if (rules->mode == LICENCE_PER_USER || late)
        renewed.expires_ms = expiry_of(rules, facts->now_ms, facts->random);
    /* a clock that went back does not shorten what was given */
    if (renewed.expires_ms < held->expires_ms)
        renewed.expires_ms = held->expires_ms;
    return give(LICENCE_RENEW, &renewed);
}

enum licence_verdict licence_decide_seat(const struct licence_rules *rules, unsigned seats, int64_t now_ms,
                                         int64_t first_use_ms)
{
    return seats < rules->pool ? LICENCE_ADMIT : exhausted(rules, now_ms, first_use_ms);
}
