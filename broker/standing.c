#include "broker/standing.h"

#include "broker/broker.h"
#include "common/redirect.h"
#include "common/text.h"
#include "policy/hours.h"
#include "rpc/sm.h"

void standing_find(struct standing *standing_r, const struct broker *broker, uid_t uid, bool known,
                   const gid_t *gids, size_t count)
{
    struct standing standing = {
        .verdict = membership_judge(&broker->membership, uid, known, gids, count),
        .members = membership_members(&broker->membership, gids, count),
    };
    if (!standing.verdict.administrator) /* the text has been checked */
        hours_parse(&standing.hours, conf_text_for(&broker->conf, standing.members, CONF_GROUP_logon_hours));
    *standing_r = standing;
}

conf_members standing_counted(const struct standing *standing)
{
    return standing->verdict.administrator ? 0 : standing->members;
}

static void apply_groups(const struct standing *standing, const struct broker *broker,
                         struct policy_facts *facts)
{
    conf_members counted = standing_counted(standing);
    for (size_t i = 0; i < broker->conf.group_count; i++) {
        const struct conf_group *group = &broker->conf.groups[i];
        if ((counted & 1U << i) == 0 || group->lines[CONF_GROUP_max_sessions] == 0)
            continue;
        facts->group_full |= broker->census.sessions[i] >= group->numbers[CONF_GROUP_max_sessions];
        facts->group_unknown |= broker->census.unknown > 0;
    }
}

void standing_apply(const struct standing *standing, const struct broker *broker, int64_t at_ms,
                    struct policy_facts *facts, struct policy_limits *limits)
{
    const struct conf *conf = &broker->conf;
    facts->not_allowed = standing->verdict.refused;
    facts->administrator = standing->verdict.administrator;
    facts->outside_hours = !policy_hours_allow(&standing->hours, at_ms / 1000);
    apply_groups(standing, broker, facts);
    limits->max_sessions_per_user =
        (unsigned)conf_number_for(conf, standing->members, CONF_GROUP_max_sessions_per_user);
    limits->take_over = (enum policy_take_over)conf_number_for(conf, standing->members, CONF_GROUP_take_over);
}

uint32_t standing_redirects(const struct conf *conf, conf_members members)
{
    static const struct {
        size_t key;
        uint32_t bit;
        long mask;
    } switches[] = {
        {CONF_GROUP_clipboard, REDIRECT_CLIPBOARD_IN, 1}, {CONF_GROUP_clipboard, REDIRECT_CLIPBOARD_OUT, 2},
        {CONF_GROUP_drives, REDIRECT_DRIVES, 1},          {CONF_GROUP_audio_playback, REDIRECT_PLAYBACK, 1},
        {CONF_GROUP_audio_capture, REDIRECT_CAPTURE, 1},
    };
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        bits |= conf_number_for(conf, members, switches[i].key) & switches[i].mask ? switches[i].bit : 0;
    return bits;
}

uint32_t standing_redirects_of_all(const struct conf *conf)
{
    uint32_t bits = standing_redirects(conf, 0);
    for (size_t i = 0; i < conf->group_count; i++)
        bits &= standing_redirects(conf, (conf_members)(1U << i));
    return bits;
}

void standing_fill(const struct standing *standing, const struct broker *broker,
                   struct sm_logon_admit *admit_r)
{
    const struct conf *conf = &broker->conf;
    admit_r->memory_mib = (uint32_t)conf_number_for(conf, standing->members, CONF_GROUP_memory_max);
    admit_r->tasks = (uint32_t)conf_number_for(conf, standing->members, CONF_GROUP_tasks_max);
    admit_r->cpu_weight = (uint32_t)conf_number_for(conf, standing->members, CONF_GROUP_cpu_weight);
    text_copy(admit_r->desktop, sizeof(admit_r->desktop),
              conf_text_for(conf, standing->members, CONF_GROUP_desktop));
    text_copy(admit_r->home, sizeof(admit_r->home), conf_text_for(conf, standing->members, CONF_GROUP_home));
}
