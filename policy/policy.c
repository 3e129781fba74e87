#include "policy/policy.h"

enum reason policy_arrive(const struct policy_limits *limits, const struct policy_arrival *arrival)
{
    if (arrival->stopping)
        return REASON_SHUTDOWN;
    if (arrival->denied)
        return REASON_CONNECTIONS_DENIED;
    return arrival->logons >= limits->max_logons ? REASON_BUSY : REASON_NONE;
}

static struct policy_decision refuse(enum reason reason)
{
    return (struct policy_decision){.verdict = POLICY_REFUSE, .reason = reason};
}

static struct policy_decision give(enum policy_verdict verdict, uint16_t session)
{
    return (struct policy_decision){.verdict = verdict, .session = session};
}

/* How many sessions there may be for this user to get one more. */
static unsigned seats(const struct policy_limits *limits, const struct policy_facts *facts)
{
    if (facts->administrator)
        return limits->max_sessions;
    return limits->reserved < limits->max_sessions ? limits->max_sessions - limits->reserved : 0;
}

static enum reason why_no_new_one(const struct policy_limits *limits, const struct policy_facts *facts)
{
    if (facts->drain != POLICY_DRAIN_OFF)
        return REASON_DRAIN;
    if (facts->sessions >= seats(limits, facts))
        return REASON_SESSION_LIMIT;
    if (facts->group_full)
        return REASON_GROUP_LIMIT;
    if (!limits->single_session && facts->user_sessions >= limits->max_sessions_per_user)
        return REASON_USER_LIMIT;
    if (limits->max_per_address > 0 && facts->address_sessions >= limits->max_per_address)
        return REASON_ADDRESS_LIMIT;
    return REASON_NONE;
}

struct policy_decision policy_admit(const struct policy_limits *limits, const struct policy_facts *facts)
{
    if (facts->stopping)
        return refuse(REASON_SHUTDOWN);
    if (facts->not_allowed)
        return refuse(REASON_DENIED);
    if (facts->outside_hours && !facts->administrator)
        return refuse(REASON_LOGON_HOURS);
    /* what the change leads to is not known yet: a second session now could be one too many */
    if (limits->single_session && facts->user_changing > 0)
        return give(POLICY_WAIT, 0);
    if (facts->disconnected != 0)
        return give(POLICY_RECONNECT, facts->disconnected);
    if (limits->single_session && facts->connected != 0) {
        if (limits->take_over == POLICY_TAKE_OVER_NEVER)
            return refuse(REASON_ELSEWHERE);
        bool asks = limits->take_over == POLICY_TAKE_OVER_ASKS && !facts->wants_it;
        return give(asks ? POLICY_ASK : POLICY_TAKE_OVER, facts->connected);
    }
    enum reason reason = why_no_new_one(limits, facts);
    if (reason != REASON_NONE)
        return refuse(reason);
    return give(facts->group_unknown ? POLICY_WAIT : POLICY_NEW, 0);
}
