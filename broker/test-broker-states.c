/* Sessions moved through random events: the indexes, the counts that policy asks for and the order by age
 * always say what a plain look at all sessions says; a pair that the table lacks changes nothing. */
#include <unistd.h>

#include "broker/broker.h"
#include "common/log.h"
#include "tests/check.h"

#define USERS 7
#define STEPS 20000

static struct broker *broker;
static unsigned since[SESSIONS_MAX]; /* the step in which each came into its state */
static char folder[] = "/tmp/lodge-test-states-XXXXXX";

static struct session *add(uint16_t id, uid_t uid, enum sm_life life)
{
    struct sm_session_state told = {.id = id, .state = (uint8_t)life, .uid = uid, .logon = id};
    snprintf(told.user, sizeof(told.user), "user%u", (unsigned)uid);
    struct session *session = session_add(broker, &told, true);
    CHECK(session != NULL);
    return session;
}

static bool is_changing(const struct session *session)
{
    return session->state == SESSION_INIT || session->state == SESSION_CONNECTED ||
           session->state == SESSION_DOWN;
}

static bool is_connected(const struct session *session)
{
    return session->state == SESSION_ACTIVE || session->state == SESSION_SHADOW;
}

static void check_list(const struct session_list *list, bool connected, unsigned want)
{
    unsigned count = 0;
    unsigned last = STEPS;
    struct session *session;
    TAILQ_FOREACH(session, list, by_user)
    {
        CHECK(connected ? is_connected(session) : session->state == SESSION_DISCONNECTED);
        CHECK(since[session->id] < last);
        last = since[session->id];
        count++;
    }
    CHECK(count == want);
}

static void check_user(uid_t uid)
{
    unsigned sessions = 0, changing = 0, active = 0, disconnected = 0;
    uint32_t last = 0;
    for (struct session *session = session_next(broker, 0); session != NULL;
         session = session_next(broker, session->id)) {
        CHECK(session->id > last && session_find(broker, session->id) == session);
        last = session->id;
        if (session->user->uid != uid)
            continue;
        sessions++;
        changing += is_changing(session);
        active += is_connected(session);
        disconnected += session->state == SESSION_DISCONNECTED;
    }
    struct user *user = users_hold(&broker->users, uid);
    CHECK(user->references == sessions + 1 && user->sessions == sessions && user->changing == changing);
    check_list(&user->connected, true, active);
    check_list(&user->disconnected, false, disconnected);
    users_release(&broker->users, user);
}

static void random_history(void)
{
    static const uint16_t ids[] = {1, 2, 63, 64, 65, 127, 128, 1000, 4095, 4096, 65534, 65535};
    srandom(7);
    for (unsigned step = 0; step < STEPS; step++) {
        uint16_t id = ids[(size_t)random() % (sizeof(ids) / sizeof(ids[0]))];
        struct session *session = session_find(broker, id);
        unsigned count = broker->sessions.count;
        if (session == NULL) {
            add(id, 1000 + (uid_t)(random() % USERS), (enum sm_life)(random() % 2));
            since[id] = step;
            CHECK(broker->sessions.count == count + 1);
        } else if (random() % 16 == 0) {
            session_remove(session, REASON_LOGOFF, "");
            CHECK(broker->sessions.count == count - 1 && session_find(broker, id) == NULL);
        } else {
            enum session_state before = session->state;
            enum session_event event = (enum session_event)(random() % SESSION_EVENTS);
            bool moved = session_move(session, event, REASON_NONE, NULL);
            CHECK(moved || session->state == before);
            bool looked = event == SESSION_LOOKS_AWAY || event == SESSION_LOOKS_BACK;
            if ((session->state != before && !looked) || (moved && event == SESSION_ATTACHES))
                since[id] = step;
        }
        check_user(1000 + (uid_t)(step % USERS));
    }
}

static void only_what_may_be_is_done(void)
{
    struct session *session = add(9, 2000, SM_SESSION_STARTING);
    CHECK(session->state == SESSION_INIT);
    CHECK(!session_move(session, SESSION_LEFT, REASON_NONE, NULL));
    CHECK(session_move(session, SESSION_ATTACHES, REASON_NONE, NULL) && session->state == SESSION_CONNECTED);
    CHECK(session_move(session, SESSION_STARTED, REASON_NONE, NULL) && session->state == SESSION_ACTIVE);
    CHECK(!session_move(session, SESSION_STARTED, REASON_NONE, NULL));
    CHECK(!session_move(session, SESSION_LOOKS_BACK, REASON_NONE, NULL));
    CHECK(session_move(session, SESSION_LOOKS_AWAY, REASON_NONE, NULL) && session->state == SESSION_SHADOW);
    CHECK(session_move(session, SESSION_REATTACHES, REASON_NONE, NULL) && session->state == SESSION_SHADOW);
    CHECK(session_move(session, SESSION_LOOKS_BACK, REASON_NONE, NULL) && session->state == SESSION_ACTIVE);
    CHECK(session_move(session, SESSION_LEFT, REASON_NONE, NULL) && session->state == SESSION_DISCONNECTED);
    CHECK(!session_move(session, SESSION_REATTACHES, REASON_NONE, NULL));
    CHECK(session_move(session, SESSION_ENDS, REASON_NONE, NULL) && session->state == SESSION_DOWN);
    CHECK(!session_move(session, SESSION_ATTACHES, REASON_NONE, NULL) && session->state == SESSION_DOWN);
    CHECK_TEXT(session_state_name(session->state), "Down");
    session_remove(session, REASON_LOGOFF, "");
}

int main(void)
{
    char command[64];
    log_start("test", LOG_LEVEL_ERROR);
    CHECK(mkdtemp(folder) != NULL);
    broker = calloc(1, sizeof(*broker));
    CHECK(broker != NULL);
    TAILQ_INIT(&broker->logons);
    broker->sm.fd = -1;
    snprintf(broker->conf.run_directory, sizeof(broker->conf.run_directory), "%s", folder);
    broker->base = event_base_new();
    broker->db = db_open(folder);
    CHECK(broker->base != NULL && broker->db != NULL);
    only_what_may_be_is_done();
    random_history();
    for (struct session *session; (session = session_next(broker, 0)) != NULL;)
        session_remove(session, REASON_SHUTDOWN, "");
    CHECK(broker->sessions.count == 0);
    for (size_t i = 0; i < USERS_BUCKETS; i++)
        CHECK(broker->users.buckets[i] == NULL);
    db_close(&broker->db);
    event_base_free(broker->base);
    free(broker);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}
