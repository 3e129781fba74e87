/* Licences through the real broker: seats, users and devices, what a kill leaves, and what administrators do.
 */
#include <signal.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "common/packet.h"

static struct harness harness;

struct place {
    int fd;
    struct agent agent;
    struct attached attached;
    uint64_t logon;
};

/* A logon up to the broker's decision. Returns the serial of its request. */
static uint64_t come(int fd, uid_t uid, const char *user, const char *device, uint64_t *logon_r)
{
    union sm_body sm;
    uint64_t serial = lsm_ask_logon_from(&harness, fd, device);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    *logon_r = sm.logon_start.logon;
    sm_tell_result(&harness, *logon_r, REASON_NONE, uid, user);
    return serial;
}

static void come_in(struct place *place, uint16_t id, uid_t uid, const char *user, const char *device)
{
    union sm_body sm;
    union winstation_body winstation;
    place->fd = lsm_connect_front(&harness);
    uint64_t serial = come(place->fd, uid, user, device, &place->logon);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == place->logon);
    agent_listen(&harness, &place->agent, id);
    sm_tell_state(&harness, id, SM_SESSION_STARTING, place->logon, uid, user);
    lsm_expect_attached(place->fd, serial, &place->attached);
    close_descriptor(&place->attached.channel);
    agent_accept(&place->agent);
    agent_tell_synced(&place->agent);
    agent_expect(&place->agent, WINSTATION_ATTACH, &winstation, NULL);
    sm_tell_state(&harness, id, SM_SESSION_UP, place->logon, uid, user);
    lsm_await_state(&harness, id, LODGE__LSM__STATE__ACTIVE);
}

static void is_refused(uid_t uid, const char *user, const char *device)
{
    union sm_body sm;
    uint64_t logon;
    int fd = lsm_connect_front(&harness);
    uint64_t serial = come(fd, uid, user, device, &logon);
    CHECK(lsm_expect_reason(fd, serial) == REASON_NO_LICENCE);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logon && sm.logon_drop.reason == REASON_NO_LICENCE);
    close(fd);
    lsm_await_event(&harness, 1000, 0);
}

static void leave(struct place *place)
{
    uint16_t id = place->attached.session;
    close(place->fd);
    lsm_await_state(&harness, id, LODGE__LSM__STATE__DISCONNECTED);
}

static void end(struct place *place)
{
    uint16_t id = place->attached.session;
    sm_tell_ended(&harness, id, place->logon, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
    agent_end(&harness, &place->agent);
    close_descriptor(&place->fd);
}

/* The broker is killed, and its successor told of the session of `place`, with its agent. */
static void restart(struct place *place, uid_t uid, const char *user)
{
    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    if (place != NULL)
        sm_tell_state(&harness, place->attached.session, SM_SESSION_UP, place->logon, uid, user);
    sm_tell_synced(&harness);
}

static void seats(void)
{
    static struct place anna, bert;
    harness_begin(&harness, "[Licences]\nMode = concurrent\nPoolSize = 1\nGraceDays = 0");
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    come_in(&anna, 3, 5001, "anna", "pc1");
    is_refused(5002, "bert", "pc2");
    leave(&anna);
    is_refused(5002, "bert", "pc2");
    restart(&anna, 5001, "anna");
    is_refused(5002, "bert", "pc2");
    end(&anna);
    come_in(&bert, 4, 5002, "bert", "pc2");
    end(&bert);
    harness_end(&harness);
}

static void seats_given_back_at_disconnection(void)
{
    static struct place anna, bert;
    harness_begin(&harness,
                  "[Licences]\nMode = concurrent\nPoolSize = 1\nGraceDays = 0\nReleaseOnDisconnect = 1");
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    come_in(&anna, 3, 5001, "anna", "pc1");
    is_refused(5002, "bert", "pc2");
    restart(&anna, 5001, "anna");
    is_refused(5002, "bert", "pc2"); /* the agent has not said yet that nobody is there */
    agent_accept(&anna.agent);
    agent_tell_synced(&anna.agent);
    close_descriptor(&anna.fd);
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    for (bool free = false; !free;) {
        CHECK(clock_monotonic_ms() < deadline);
        union sm_body sm;
        int fd = lsm_connect_front(&harness);
        uint64_t logon, serial = come(fd, 5002, "bert", "pc2", &logon);
        sm_expect_one_of(&harness, SM_LOGON_ADMIT, SM_LOGON_DROP, &sm, &free);
        if (!free) {
            CHECK(lsm_expect_reason(fd, serial) == REASON_NO_LICENCE);
            close(fd);
            continue;
        }
        bert.fd = fd;
        bert.logon = logon;
        agent_listen(&harness, &bert.agent, 4);
        sm_tell_state(&harness, 4, SM_SESSION_STARTING, logon, 5002, "bert");
        lsm_expect_attached(fd, serial, &bert.attached);
        close_descriptor(&bert.attached.channel);
    }
    is_refused(5001, "anna", "pc1"); /* back to a session that has no seat any more */
    end(&bert);
    end(&anna);
    harness_end(&harness);
}

static void users(void)
{
    static struct place anna, bert;
    harness_begin(&harness, "[Licences]\nMode = per-user\nPoolSize = 2\nGraceDays = 0");
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    come_in(&anna, 3, 5001, "anna", "pc1");
    come_in(&bert, 4, 5002, "bert", "pc1");
    is_refused(5003, "carl", "pc1");
    end(&bert); /* the licence stays bert's */
    restart(&anna, 5001, "anna");
    is_refused(5003, "carl", "pc1");
    end(&anna);
    come_in(&bert, 5, 5002, "bert", "pc9");
    come_in(&anna, 6, 5001, "anna", "pc9");
    is_refused(5003, "carl", "pc1");
    end(&bert);
    end(&anna);
    harness_end(&harness);
}

static void devices(void)
{
    static struct place place;
    harness_begin(&harness, "[Licences]\nMode = per-device\nPoolSize = 1\nGraceDays = 0");
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    /* the first time each gets a temporary one, the second time pc1 the only permanent one */
    for (uint16_t i = 0; i < 4; i++) {
        come_in(&place, (uint16_t)(3 + i), 5001, "anna", i % 2 == 0 ? "PC1" : "pc2");
        end(&place);
        lsm_await_event(&harness, 1030, 0);
    }
    restart(NULL, 0, NULL);
    come_in(&place, 9, 5001, "anna", "pc1");
    end(&place);
    harness_end(&harness);
}

static void grace(void)
{
    static struct place anna, bert;
    harness_begin(&harness, "[Licences]\nMode = per-user\nPoolSize = 0");
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    come_in(&anna, 3, 5001, "anna", "pc1");
    lsm_await_event(&harness, 1032, 0);
    come_in(&bert, 4, 5002, "bert", "pc1");
    end(&anna);
    end(&bert);
    harness_end(&harness);
}

int main(void)
{
    seats();
    seats_given_back_at_disconnection();
    users();
    devices();
    grace();
    return 0;
}
