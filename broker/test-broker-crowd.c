/* Crowds: users with many uids do not take the front end's connections, and one user's logons that wait do
 * not take the places of others'. */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/harness.h"

#define DESCRIPTORS 2000
#define SESSIONS    200 /* MaxSessions as it is by itself */
#define FOR_USERS   ((DESCRIPTORS - SESSIONS - BROKER_LOGONS_MAX - BROKER_FD_RESERVE) / 2)

static struct harness harness;
static union sm_body sm;

static enum reason ping(int fd)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PING;
    request.ping = &nothing;
    return lsm_expect_reason(fd, lsm_ask(&harness, fd, &request, -1));
}

static void users_leave_room(void)
{
    static int fds[FOR_USERS];
    for (size_t i = 0; i < FOR_USERS; i++) {
        fds[i] = lsm_connect_as(&harness, (uid_t)(5200 + i / BROKER_PEERS_PER_UID));
        CHECK(ping(fds[i]) == REASON_NONE);
    }
    int more = lsm_connect_as(&harness, 5999);
    lsm_expect_turned_away(more);
    close(more);
    int front = lsm_connect_front(&harness), admin = lsm_connect_as(&harness, 0);
    CHECK(ping(front) == REASON_NONE && ping(admin) == REASON_NONE);
    close(front);
    close(admin);
    for (size_t i = 0; i < FOR_USERS; i++)
        close(fds[i]);
}

/* Ten thousand connections of one user: all but the first are turned away with the reason, and everybody else
 * is served meanwhile, at the first try. */
static void one_user_comes_ten_thousand_times(void)
{
    static int fds[BROKER_PEERS_PER_UID];
    int front = lsm_connect_front(&harness);
    for (size_t i = 0; i < BROKER_PEERS_PER_UID; i++) {
        fds[i] = lsm_connect_as(&harness, 5300);
        CHECK(ping(fds[i]) == REASON_NONE);
    }
    for (unsigned i = BROKER_PEERS_PER_UID; i < 10000; i++) {
        int more = lsm_connect_as(&harness, 5300);
        lsm_expect_turned_away(more);
        close(more);
        if (i % 500 != 0)
            continue;
        int admin = lsm_connect_as(&harness, 0), other = lsm_connect_as(&harness, 5301);
        int another_front = lsm_connect_front(&harness);
        CHECK(ping(admin) == REASON_NONE && ping(other) == REASON_NONE && ping(front) == REASON_NONE &&
              ping(another_front) == REASON_NONE);
        close(admin), close(other), close(another_front);
    }
    CHECK(ping(fds[0]) == REASON_NONE);
    close(front);
    for (size_t i = 0; i < BROKER_PEERS_PER_UID; i++)
        close(fds[i]);
}

/* The front end has as many as it needs: what caps users does not cap it. */
static void the_front_end_is_not_capped_as_users_are(void)
{
    static int fds[BROKER_PEERS_PER_UID * 4];
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        fds[i] = lsm_connect_front(&harness);
        CHECK(ping(fds[i]) == REASON_NONE);
    }
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
}

/* The session is ending, which takes its time, and the user comes again and again meanwhile. */
static void one_user_waits_in_few_places(void)
{
    struct agent agent;
    struct attached attached;
    int fds[BROKER_HELD_PER_USER + 1];
    uint64_t serials[BROKER_HELD_PER_USER + 1], logons[BROKER_HELD_PER_USER + 1];
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    sm_tell_state(&harness, 1, SM_SESSION_ENDING, attached.logon, 5001, "user5001");
    lsm_await_state(&harness, 1, LODGE__LSM__STATE__DOWN);
    for (size_t i = 0; i <= BROKER_HELD_PER_USER; i++) {
        int credentials = -1;
        fds[i] = lsm_connect_front(&harness);
        serials[i] = lsm_ask_logon(&harness, fds[i]);
        sm_expect(&harness, SM_LOGON_START, &sm, &credentials);
        close(credentials);
        logons[i] = sm.logon_start.logon;
        sm_tell_result(&harness, logons[i], REASON_NONE, 5001, "user5001");
    }
    CHECK(lsm_expect_reason(fds[0], serials[0]) == REASON_BUSY);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logons[0]);
    for (size_t i = 1; i <= BROKER_HELD_PER_USER; i++) {
        close(fds[i]);
        sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
        CHECK(sm.logon_drop.logon == logons[i]);
    }
    close(fds[0]);
    close(worker);
    agent_end(&harness, &agent);
}

int main(void)
{
    struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    if (geteuid() != 0)
        return HARNESS_SKIP;
    /* and no way for the broker to raise it */
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE) == 0);
    harness_begin_with_broker(&harness, "");
    users_leave_room();
    one_user_comes_ten_thousand_times();
    the_front_end_is_not_capped_as_users_are();
    one_user_waits_in_few_places();
    harness_end(&harness);
    return 0;
}
