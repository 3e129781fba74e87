#include "broker/admission.h"

#include "broker/broker.h"
#include "broker/standing.h"
#include "common/clock.h"
#include "policy/hours.h"

static uint16_t first_of(const struct session_list *list)
{
    const struct session *session = TAILQ_FIRST(list);
    return session != NULL ? session->id : 0;
}

struct policy_decision admission_decide(const struct broker *broker, const struct user *user,
                                        const struct standing *standing, const char *address, bool wants_it,
                                        int64_t at_ms)
{
    struct policy_facts facts = {
        .stopping = broker->stopping,
        .drain = broker->shutdown.pending ? POLICY_DRAIN_RECONNECTS : broker->drain.mode,
        .wants_it = wants_it,
        .address_sessions = addresses_count(&broker->addresses, address),
        .sessions = broker->sessions.count,
    };
    struct policy_limits limits = broker->limits;
    standing_apply(standing, broker, at_ms, &facts, &limits);
    if (user != NULL) {
        facts.user_sessions = user->sessions;
        facts.user_changing = user->changing;
        facts.disconnected = first_of(&user->disconnected);
        facts.connected = first_of(&user->connected);
    }
    return policy_admit(&limits, &facts);
}

enum reason admission_may_arrive(const struct broker *broker, bool virtual)
{
    bool denied = broker->conf.deny_connections == 1 || (broker->conf.virtual_sessions == 1 && !virtual);
    struct policy_arrival arrival = {
        .stopping = broker->stopping, .denied = denied, .logons = (unsigned)broker->logon_count};
    return policy_arrive(&broker->limits, &arrival);
}

const char *admission_explain(const struct standing *standing, enum reason reason, int64_t at_ms,
                              char *detail, size_t size)
{
    detail[0] = '\0';
    if (reason == REASON_LOGON_HOURS)
        policy_hours_say(&standing->hours, at_ms / 1000, detail, size);
    return detail;
}

struct policy_decision admission_would_be(struct broker *broker, const struct admission_question *question,
                                          char *detail, size_t detail_size)
{
    int64_t at_ms = question->at_ms != 0 ? question->at_ms : clock_real_ms();
    detail[0] = '\0';
    enum reason reason = admission_may_arrive(broker, false);
    if (reason != REASON_NONE)
        return (struct policy_decision){.verdict = POLICY_REFUSE, .reason = reason};
    struct standing standing;
    standing_find(&standing, broker, question->uid, question->known, question->gids, question->gid_count);
    struct policy_decision decision =
        admission_decide(broker, question->user, &standing, question->address, false, at_ms);
    admission_explain(&standing, decision.reason, at_ms, detail, detail_size);
    return decision;
}
