/* A row for each rule, then a model: random histories of logons, disconnects and logoffs by several users,
 * each decision carried out, with the promises checked after every step. */
#include "policy/policy.h"

#include "tests/check.h"

#define USERS 5
#define ROOM  12
#define STEPS 200000

#define LIMITS(single, most, most_per_user)                                                           \
    {                                                                                                 \
        .single_session = (single), .max_sessions = (most), .max_sessions_per_user = (most_per_user), \
        .max_logons = 64, .take_over = POLICY_TAKE_OVER_AT_ONCE                                       \
    }

enum life { FREE, CREATING, CONNECTED, DISCONNECTED, ENDING };

struct model {
    struct {
        enum life life;
        unsigned user;
        unsigned when;
    } at[ROOM + 1];
    unsigned clock;
    enum policy_drain drain;
    unsigned of_group; /* sessions that the users 1 and 2 may have together; 0: as many as they like */
    bool outside;      /* of the hours of the users 2 and 3 */
};

static const struct {
    const char *name;
    struct policy_limits limits;
    struct policy_facts facts;
    struct policy_decision want;
} rows[] = {
    {"first", LIMITS(true, 9, 9), {0}, {POLICY_NEW, 0, 0}},
    {"given back",
     LIMITS(true, 9, 9),
     {.sessions = 1, .user_sessions = 1, .disconnected = 4},
     {POLICY_RECONNECT, 4, 0}},
    {"taken over",
     LIMITS(true, 9, 9),
     {.sessions = 1, .user_sessions = 1, .connected = 4},
     {POLICY_TAKE_OVER, 4, 0}},
    {"given back when full",
     LIMITS(true, 1, 9),
     {.sessions = 1, .user_sessions = 1, .disconnected = 4},
     {POLICY_RECONNECT, 4, 0}},
    {"wait",
     LIMITS(true, 9, 9),
     {.sessions = 1, .user_sessions = 1, .user_changing = 1},
     {POLICY_WAIT, 0, 0}},
    {"full", LIMITS(true, 3, 9), {.sessions = 3}, {POLICY_REFUSE, 0, REASON_SESSION_LIMIT}},
    {"second", LIMITS(false, 9, 2), {.sessions = 1, .user_sessions = 1, .connected = 4}, {POLICY_NEW, 0, 0}},
    {"second back",
     LIMITS(false, 9, 2),
     {.sessions = 2, .user_sessions = 2, .connected = 4, .disconnected = 7},
     {POLICY_RECONNECT, 7, 0}},
    {"third",
     LIMITS(false, 9, 2),
     {.sessions = 2, .user_sessions = 2, .connected = 4},
     {POLICY_REFUSE, 0, REASON_USER_LIMIT}},
    {"drained", LIMITS(true, 9, 9), {.drain = POLICY_DRAIN_RECONNECTS}, {POLICY_REFUSE, 0, REASON_DRAIN}},
    {"drained until restart",
     LIMITS(true, 9, 9),
     {.drain = POLICY_DRAIN_UNTIL_RESTART},
     {POLICY_REFUSE, 0, REASON_DRAIN}},
    {"given back when drained",
     LIMITS(true, 9, 9),
     {.drain = POLICY_DRAIN_UNTIL_RESTART, .sessions = 1, .user_sessions = 1, .disconnected = 4},
     {POLICY_RECONNECT, 4, 0}},
    {"taken over when drained",
     LIMITS(true, 9, 9),
     {.drain = POLICY_DRAIN_RECONNECTS, .sessions = 1, .user_sessions = 1, .connected = 4},
     {POLICY_TAKE_OVER, 4, 0}},
    {"not allowed",
     LIMITS(true, 9, 9),
     {.not_allowed = true, .disconnected = 4},
     {POLICY_REFUSE, 0, REASON_DENIED}},
    {"kept for administrators",
     {.single_session = true, .max_sessions = 5, .reserved = 2},
     {.sessions = 3},
     {POLICY_REFUSE, 0, REASON_SESSION_LIMIT}},
    {"an administrator's seat",
     {.single_session = true, .max_sessions = 5, .reserved = 2},
     {.sessions = 4, .administrator = true},
     {POLICY_NEW, 0, 0}},
    {"no administrator's seat left",
     {.single_session = true, .max_sessions = 5, .reserved = 2},
     {.sessions = 5, .administrator = true},
     {POLICY_REFUSE, 0, REASON_SESSION_LIMIT}},
    {"more reserved than there are",
     {.single_session = true, .max_sessions = 5, .reserved = 20},
     {0},
     {POLICY_REFUSE, 0, REASON_SESSION_LIMIT}},
    {"address",
     {.single_session = true, .max_sessions = 5, .max_per_address = 2},
     {.sessions = 2, .address_sessions = 2},
     {POLICY_REFUSE, 0, REASON_ADDRESS_LIMIT}},
    {"address with room",
     {.single_session = true, .max_sessions = 5, .max_per_address = 2},
     {.sessions = 2, .address_sessions = 1},
     {POLICY_NEW, 0, 0}},
    {"given back to a full address",
     {.single_session = true, .max_sessions = 5, .max_per_address = 2},
     {.sessions = 2, .address_sessions = 2, .disconnected = 1},
     {POLICY_RECONNECT, 1, 0}},
    {"not taken over",
     {.single_session = true, .max_sessions = 5, .take_over = POLICY_TAKE_OVER_NEVER},
     {.sessions = 1, .user_sessions = 1, .connected = 4},
     {POLICY_REFUSE, 0, REASON_ELSEWHERE}},
    {"asked",
     {.single_session = true, .max_sessions = 5, .take_over = POLICY_TAKE_OVER_ASKS},
     {.sessions = 1, .user_sessions = 1, .connected = 4},
     {POLICY_ASK, 4, 0}},
    {"asked, and wants it",
     {.single_session = true, .max_sessions = 5, .take_over = POLICY_TAKE_OVER_ASKS},
     {.sessions = 1, .user_sessions = 1, .connected = 4, .wants_it = true},
     {POLICY_TAKE_OVER, 4, 0}},
    {"wanted it, and may not any more",
     {.single_session = true, .max_sessions = 5, .take_over = POLICY_TAKE_OVER_NEVER},
     {.sessions = 1, .user_sessions = 1, .connected = 4, .wants_it = true},
     {POLICY_REFUSE, 0, REASON_ELSEWHERE}},
    {"group full", LIMITS(true, 9, 9), {.group_full = true}, {POLICY_REFUSE, 0, REASON_GROUP_LIMIT}},
    {"given back to a full group",
     LIMITS(true, 9, 9),
     {.group_full = true, .user_sessions = 1, .disconnected = 4},
     {POLICY_RECONNECT, 4, 0}},
    {"group not known to be full", LIMITS(true, 9, 9), {.group_unknown = true}, {POLICY_WAIT, 0, 0}},
    {"full, whatever the group",
     LIMITS(true, 3, 9),
     {.group_unknown = true, .sessions = 3},
     {POLICY_REFUSE, 0, REASON_SESSION_LIMIT}},
    {"outside of the hours",
     LIMITS(true, 9, 9),
     {.outside_hours = true, .disconnected = 4},
     {POLICY_REFUSE, 0, REASON_LOGON_HOURS}},
    {"an administrator at all hours",
     LIMITS(true, 9, 9),
     {.outside_hours = true, .administrator = true},
     {POLICY_NEW, 0, 0}},
    {"stopping",
     LIMITS(true, 9, 9),
     {.stopping = true, .disconnected = 4},
     {POLICY_REFUSE, 0, REASON_SHUTDOWN}},
};

static void each_rule(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_decision got = policy_admit(&rows[i].limits, &rows[i].facts);
        if (got.verdict != rows[i].want.verdict || got.session != rows[i].want.session ||
            got.reason != rows[i].want.reason) {
            fprintf(stderr, "%s: verdict %d session %u reason %d\n", rows[i].name, (int)got.verdict,
                    got.session, (int)got.reason);
            exit(1);
        }
    }
    struct policy_limits limits = {.max_logons = 2};
    CHECK(policy_arrive(&limits, &(struct policy_arrival){.logons = 1}) == REASON_NONE);
    CHECK(policy_arrive(&limits, &(struct policy_arrival){.logons = 2}) == REASON_BUSY);
    CHECK(policy_arrive(&limits, &(struct policy_arrival){.stopping = true}) == REASON_SHUTDOWN);
    CHECK(policy_arrive(&limits, &(struct policy_arrival){.denied = true}) == REASON_CONNECTIONS_DENIED);
}

static bool is_in_group(unsigned user)
{
    return user == 1 || user == 2;
}

static unsigned count_group(const struct model *model)
{
    unsigned count = 0;
    for (unsigned id = 1; id <= ROOM; id++)
        count += model->at[id].life != FREE && is_in_group(model->at[id].user);
    return count;
}

static struct policy_facts facts_of(const struct model *model, unsigned user)
{
    struct policy_facts facts = {.drain = model->drain,
                                 .administrator = user == 0,
                                 .outside_hours = model->outside && (user == 2 || user == 3),
                                 .group_full = model->of_group > 0 && is_in_group(user) &&
                                               count_group(model) >= model->of_group};
    unsigned disconnected_when = 0, connected_when = 0;
    for (uint16_t id = 1; id <= ROOM; id++) {
        if (model->at[id].life == FREE)
            continue;
        facts.sessions++;
        facts.address_sessions += model->at[id].user % 2 == user % 2; /* who sits where */
        if (model->at[id].user != user)
            continue;
        facts.user_sessions++;
        facts.user_changing += model->at[id].life == CREATING || model->at[id].life == ENDING;
        if (model->at[id].life == DISCONNECTED && model->at[id].when >= disconnected_when) {
            facts.disconnected = id;
            disconnected_when = model->at[id].when;
        }
        if (model->at[id].life == CONNECTED && model->at[id].when >= connected_when) {
            facts.connected = id;
            connected_when = model->at[id].when;
        }
    }
    return facts;
}

static void set_life(struct model *model, unsigned id, enum life life)
{
    model->at[id].life = life;
    model->at[id].when = ++model->clock;
}

static void make(struct model *model, unsigned user)
{
    for (unsigned id = 1; id <= ROOM; id++) {
        if (model->at[id].life != FREE)
            continue;
        set_life(model, id, CREATING);
        model->at[id].user = user;
        return;
    }
    CHECK(!"the limit held");
}

static void log_on(struct model *model, const struct policy_limits *limits, unsigned user)
{
    struct policy_facts facts = facts_of(model, user);
    struct policy_decision decision = policy_admit(limits, &facts);
    bool may_have_more = limits->single_session ? facts.user_sessions == 0
                                                : facts.user_sessions < limits->max_sessions_per_user;
    switch (decision.verdict) {
    case POLICY_NEW:
        CHECK(model->drain == POLICY_DRAIN_OFF && !facts.outside_hours && may_have_more);
        make(model, user);
        CHECK(facts.sessions + 1 <= limits->max_sessions - (user == 0 ? 0 : limits->reserved));
        CHECK(limits->max_per_address == 0 || facts.address_sessions < limits->max_per_address);
        CHECK(model->of_group == 0 || !is_in_group(user) || count_group(model) <= model->of_group);
        break;
    case POLICY_RECONNECT:
        CHECK(model->at[decision.session].life == DISCONNECTED && model->at[decision.session].user == user);
        set_life(model, decision.session, CONNECTED);
        break;
    case POLICY_TAKE_OVER:
        CHECK(model->at[decision.session].life == CONNECTED && model->at[decision.session].user == user);
        set_life(model, decision.session, CONNECTED);
        break;
    case POLICY_ASK:
        CHECK(limits->take_over == POLICY_TAKE_OVER_ASKS && !facts.wants_it);
        CHECK(model->at[decision.session].life == CONNECTED && model->at[decision.session].user == user);
        break;
    case POLICY_WAIT:
        CHECK(facts.user_changing > 0);
        break;
    case POLICY_REFUSE:
        if (facts.outside_hours) {
            CHECK(decision.reason == REASON_LOGON_HOURS);
            break;
        }
        CHECK(facts.disconnected == 0);
        CHECK(decision.reason != REASON_ELSEWHERE ||
              (limits->take_over == POLICY_TAKE_OVER_NEVER && facts.connected != 0));
        CHECK(decision.reason == REASON_ELSEWHERE || model->drain != POLICY_DRAIN_OFF || !may_have_more ||
              facts.sessions >= limits->max_sessions - (user == 0 ? 0 : limits->reserved) ||
              facts.group_full ||
              (limits->max_per_address > 0 && facts.address_sessions >= limits->max_per_address));
        break;
    }
}

static void check_promises(const struct model *model, const struct policy_limits *limits)
{
    for (unsigned user = 0; user < USERS; user++) {
        struct policy_facts facts = facts_of(model, user);
        CHECK(facts.sessions <= limits->max_sessions);
        CHECK(limits->max_per_address == 0 || facts.address_sessions <= limits->max_per_address);
        CHECK(facts.user_sessions <= (limits->single_session ? 1 : limits->max_sessions_per_user));
    }
}

static void random_history(const struct policy_limits *limits, unsigned seed)
{
    struct model model = {0};
    srandom(seed);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned id = 1 + (unsigned)random() % ROOM;
        enum life life = model.at[id].life;
        unsigned dice = (unsigned)random() % 10;
        if (step % 100 == 0)
            model.drain = (enum policy_drain)((unsigned)random() % POLICY_DRAIN_MODES);
        if (dice < 5)
            log_on(&model, limits, (unsigned)random() % USERS);
        else if (life == CREATING)
            set_life(&model, id, dice < 9 ? CONNECTED : FREE);
        else if (life == ENDING)
            set_life(&model, id, FREE);
        else if (life != FREE)
            set_life(&model, id, dice < 8 ? DISCONNECTED : ENDING);
        check_promises(&model, limits);
    }
}

/* Configurations that are read anew, hours that begin and end with a clock that is set, limits of a group:
 * what is there stays, and each new session is within what holds at that moment. */
static void random_reloads(unsigned seed)
{
    static const struct policy_limits choice[] = {
        LIMITS(true, 3, 10),
        LIMITS(true, ROOM, 10),
        LIMITS(false, 7, 2),
        LIMITS(false, ROOM, 4),
        {.single_session = true, .max_sessions = 5, .reserved = 2, .take_over = POLICY_TAKE_OVER_ASKS},
        {.single_session = true, .max_sessions = 6, .max_per_address = 2},
    };
    struct model model = {0};
    const struct policy_limits *limits = &choice[0];
    srandom(seed);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned id = 1 + (unsigned)random() % ROOM, dice = (unsigned)random() % 100;
        enum life life = model.at[id].life;
        if (dice == 0)
            limits = &choice[(unsigned)random() % (sizeof(choice) / sizeof(choice[0]))];
        else if (dice == 1)
            model.of_group = (unsigned)random() % 4;
        else if (dice == 2)
            model.outside = random() % 2 == 0;
        else if (dice == 3)
            model.drain = random() % 4 == 0 ? POLICY_DRAIN_RECONNECTS : POLICY_DRAIN_OFF;
        else if (dice < 50)
            log_on(&model, limits, (unsigned)random() % USERS);
        else if (life == CREATING)
            set_life(&model, id, dice < 90 ? CONNECTED : FREE);
        else if (life == ENDING)
            set_life(&model, id, FREE);
        else if (life != FREE)
            set_life(&model, id, dice < 70 ? DISCONNECTED : ENDING);
    }
}

int main(void)
{
    each_rule();
    for (unsigned seed = 21; seed < 26; seed++)
        random_reloads(seed);
    random_history(&(struct policy_limits)LIMITS(true, 3, 10), 1);
    random_history(&(struct policy_limits)LIMITS(true, ROOM, 10), 2);
    random_history(&(struct policy_limits)LIMITS(false, 7, 2), 3);
    random_history(&(struct policy_limits)LIMITS(false, ROOM, ROOM), 4);
    random_history(&(struct policy_limits)LIMITS(false, ROOM, 1), 5);
    random_history(&(struct policy_limits){.single_session = true, .max_sessions = 4, .reserved = 2}, 6);
    random_history(&(struct policy_limits){.single_session = true, .max_sessions = 4, .max_per_address = 1},
                   7);
    random_history(&(struct policy_limits){.single_session = true,
                                           .max_sessions = 4,
                                           .take_over = POLICY_TAKE_OVER_NEVER},
                   8);
    return 0;
}
