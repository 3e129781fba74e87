#include "broker/reload.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "broker/broker.h"
#include "broker/logons.h"
#include "common/log.h"

#define DESCRIPTORS_WANTED 131072

/* Returns how many connections on lsm.port there may be beside a link to each session. */
static size_t raise_descriptor_limit(const struct conf *conf)
{
    struct rlimit limit = {.rlim_cur = DESCRIPTORS_WANTED, .rlim_max = DESCRIPTORS_WANTED};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    /* a virtual session has no agent to be connected to */
    size_t sessions = conf->virtual_sessions == 1 ? 0 : (size_t)conf->max_sessions;
    size_t taken = sessions + BROKER_LOGONS_MAX + BROKER_FD_RESERVE;
    return limit.rlim_cur > taken + BROKER_FD_RESERVE ? limit.rlim_cur - taken : BROKER_FD_RESERVE;
}

struct policy_times reload_times(const struct conf *conf, conf_members members)
{
#define HELD(key) conf_number_for(conf, members, CONF_GROUP_##key)
    return (struct policy_times){.idle = HELD(max_idle),
                                 .disconnected = HELD(max_disconnected),
                                 .connected = HELD(max_connected),
                                 .warning = HELD(warning_seconds),
                                 .log_off = HELD(timeout_action) == 2,
                                 .hours_action = (int)HELD(hours_action),
                                 .hours_warning = HELD(hours_warning),
                                 .broken_logs_off = HELD(broken_connection) == 2};
#undef HELD
}

void reload_apply(struct broker *broker)
{
    broker->peer_max = raise_descriptor_limit(&broker->conf);
    broker->limits =
        (struct policy_limits){.single_session = broker->conf.single_session == 1,
                               .max_sessions = (unsigned)broker->conf.max_sessions,
                               .max_sessions_per_user = (unsigned)broker->conf.max_sessions_per_user,
                               .max_logons = BROKER_LOGONS_MAX,
                               .max_per_address = (unsigned)broker->conf.max_sessions_per_address,
                               .reserved = (unsigned)broker->conf.reserved_seats};
}

static bool differs(const struct conf *one, const struct conf *other, const struct conf_key *key)
{
    char a[CONF_TEXT_MAX + 1], b[CONF_TEXT_MAX + 1];
    return strcmp(conf_value(one, key, a, sizeof(a)), conf_value(other, key, b, sizeof(b))) != 0;
}

/* Takes what can be reloaded out of outcome.wanted into *conf, which holds what is now. */
static void merge(struct conf *conf, unsigned *lines, const unsigned *wanted_lines,
                  struct reload_outcome *outcome)
{
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        const struct conf_key *key = &conf_keys[i];
        bool other = differs(conf, &outcome->wanted, key);
        outcome->changed[i] = other && key->reloadable;
        outcome->restart[i] = other && !key->reloadable;
        if (!outcome->restart[i])
            lines[i] = wanted_lines[i];
        if (outcome->changed[i])
            conf_copy_value(conf, &outcome->wanted, key);
    }
}

static bool same_group(const struct conf_group *one, const struct conf_group *other)
{
    if (strcmp(one->name, other->name) != 0)
        return false;
    char a[CONF_TEXT_MAX + 1], b[CONF_TEXT_MAX + 1];
    for (size_t i = 0; i < CONF_GROUP_KEY_COUNT; i++) {
        if ((one->lines[i] != 0) != (other->lines[i] != 0) ||
            strcmp(conf_group_value(one, i, a, sizeof(a)), conf_group_value(other, i, b, sizeof(b))) != 0)
            return false;
    }
    return true;
}

/* The sections of groups are taken whole. */
static void merge_groups(struct conf *conf, struct reload_outcome *outcome)
{
    outcome->groups = conf->group_count != outcome->wanted.group_count;
    for (size_t i = 0; i < conf->group_count && !outcome->groups; i++)
        outcome->groups = !same_group(&conf->groups[i], &outcome->wanted.groups[i]);
    memcpy(conf->groups, outcome->wanted.groups, sizeof(conf->groups));
    conf->group_count = outcome->wanted.group_count;
}

/* "KEY OLD -> NEW; ..." as far as it fits. */
static void describe(const struct conf *old, const struct reload_outcome *outcome, char *text, size_t size)
{
    char before[CONF_TEXT_MAX + 1], after[CONF_TEXT_MAX + 1];
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        size_t used = strlen(text);
        if (outcome->changed[i])
            snprintf(text + used, size - used, "; %s \"%s\" -> \"%s\"", conf_keys[i].key,
                     conf_value(old, &conf_keys[i], before, sizeof(before)),
                     conf_value(&outcome->wanted, &conf_keys[i], after, sizeof(after)));
    }
}

static void refuse(struct broker *broker, const char *by, const struct reload_outcome *outcome)
{
    char detail[512];
    log_error(NULL, "the configuration stays as it was: %s", outcome->error);
    snprintf(detail, sizeof(detail), "%s: %.400s", by, outcome->error);
    record_event(broker, EVENT_RELOAD, 0, NULL, NULL, REASON_BAD_CONFIGURATION, detail);
}

void reload_run(struct broker *broker, const char *by, struct reload_outcome *outcome_r)
{
    unsigned lines[CONF_KEY_COUNT];
    struct membership membership;
    struct conf old = broker->conf, conf = broker->conf;
    char detail[512];
    *outcome_r = (struct reload_outcome){0};
    if (!conf_load_lines(&outcome_r->wanted, lines, broker->conf_path, outcome_r->error,
                         sizeof(outcome_r->error))) {
        refuse(broker, by, outcome_r);
        return;
    }
    unsigned merged[CONF_KEY_COUNT];
    memcpy(merged, broker->conf_lines, sizeof(merged));
    merge(&conf, merged, lines, outcome_r);
    merge_groups(&conf, outcome_r);
    if (!licences_check(&outcome_r->wanted, outcome_r->error, sizeof(outcome_r->error)) ||
        !outlet_check(&outcome_r->wanted, outcome_r->error, sizeof(outcome_r->error)) ||
        !membership_find(&membership, &conf, outcome_r->error, sizeof(outcome_r->error))) {
        refuse(broker, by, outcome_r);
        return;
    }
    broker->conf = conf;
    memcpy(broker->conf_lines, merged, sizeof(merged));
    broker->membership = membership;
    /* Before any logon is admitted by it. */
    smlink_send(broker, SM_CONF_READ, &(struct sm_conf_read){.groups = (uint32_t)conf.group_count}, -1);
    reload_apply(broker);
    record_configure(broker);
    licences_configure(broker);
    tzset();
    clockjump_configure(broker);
    for (struct session *at = session_next(broker, 0); at != NULL; at = session_next(broker, at->id))
        limits_session_look_up(at);
    logons_reloaded(broker);
    snprintf(detail, sizeof(detail), "%s", by);
    describe(&old, outcome_r, detail, sizeof(detail));
    if (outcome_r->groups)
        snprintf(detail + strlen(detail), sizeof(detail) - strlen(detail), "; sections of groups");
    log_info(NULL, "the configuration was read anew, %s", detail);
    record_event(broker, EVENT_RELOAD, 0, NULL, NULL, REASON_NONE, detail);
}
