/* A clock of the day that jumps by a year, either way: what lasts, lasts as long as it should; licences
 * neither get lost nor doubled; the event log has everything, in order. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "common/packet.h"

#define YEAR            (INT64_C(365) * 24 * 3600)
#define DISCONNECTED_MS 2000 /* MaxDisconnectedSeconds */
#define TICK_MS         20   /* what the loop's timers may be early */
#define WAIT_MS         700

static struct harness harness;
static union sm_body sm;
static volatile int64_t *ahead;

struct place {
    int fd;
    struct agent agent;
    struct attached attached;
};

static void begin(void)
{
    char path[96];
    harness_begin(&harness, "MaxDisconnectedSeconds = 2\nMaxIdleSeconds = 3600\nMaxConnectedSeconds = 7200\n"
                            "WarningSeconds = 0\n[Licences]\nMode = per-user\nPoolSize = 2\nGraceDays = 0");
    snprintf(path, sizeof(path), "%s/clock", harness.directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(*ahead)) == 0);
    ahead = mmap(NULL, sizeof(*ahead), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(ahead != MAP_FAILED);
    close(fd);
    CHECK(setenv("LODGE_CLOCK_AT", path, 1) == 0 && setenv("LD_PRELOAD", CLOCK_AT, 1) == 0);
    harness_spawn_broker(&harness);
    CHECK(unsetenv("LODGE_CLOCK_AT") == 0 && unsetenv("LD_PRELOAD") == 0);
    harness_take_broker(&harness);
    sm_tell_synced(&harness);
}

/* Asks as an administrator; the answer is the caller's to free. */
static Lodge__Lsm__Answer *ask(Lodge__Lsm__Request__MethodCase method, void *body)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = method;
    request.ping = body != NULL ? body : &nothing;
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE);
    close(fd);
    return answer;
}

/* Places taken in the pool, asked until it is so many: the broker looks at the books every second. */
static void await_places(unsigned count)
{
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    for (bool so = false; !so;) {
        Lodge__Lsm__Answer *answer = ask(LODGE__LSM__REQUEST__METHOD_LICENCE_POOL, NULL);
        so = answer->licence_pool->available && answer->licence_pool->in_use == count;
        lodge__lsm__answer__free_unpacked(answer, NULL);
        CHECK(clock_monotonic_ms() < deadline);
    }
}

static void come_in(struct place *place, uid_t uid, uint16_t id)
{
    char user[32];
    snprintf(user, sizeof(user), "user%u", (unsigned)uid);
    place->fd = lsm_connect_front(&harness);
    harness_log_on_as(&harness, place->fd, uid, user, id, &place->agent, &place->attached);
    close_descriptor(&place->attached.channel);
}

static void end(struct place *place)
{
    uint16_t id = place->attached.session;
    sm_tell_ended(&harness, id, place->attached.logon, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
    agent_end(&harness, &place->agent);
    close_descriptor(&place->fd);
}

static void is_refused(uid_t uid, const char *user)
{
    int fd = lsm_connect_front(&harness);
    uint64_t serial = lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t logon = sm.logon_start.logon;
    sm_tell_result(&harness, logon, REASON_NONE, uid, user);
    CHECK(lsm_expect_reason(fd, serial) == REASON_NO_LICENCE);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    close(fd);
}

static void is_active(uint16_t id)
{
    CHECK(lsm_state_of(&harness, id) == LODGE__LSM__STATE__ACTIVE);
}

/* A wait times out when its time is over, and the broker has not been up for years. */
static void durations_are_durations(int64_t jump)
{
    Lodge__Lsm__WaitRequest wait = LODGE__LSM__WAIT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    wait.session = 1;
    wait.gone = true;
    wait.deadline_ms = WAIT_MS;
    request.method_case = LODGE__LSM__REQUEST__METHOD_WAIT;
    request.wait = &wait;
    int fd = lsm_connect_as(&harness, 0);
    int64_t began = clock_monotonic_ms();
    uint64_t serial = lsm_ask(&harness, fd, &request, -1);
    *ahead = jump;
    CHECK(lsm_expect_reason(fd, serial) == REASON_TIMED_OUT);
    CHECK(clock_monotonic_ms() - began >= WAIT_MS - TICK_MS);
    close(fd);
    Lodge__Lsm__Answer *answer = ask(LODGE__LSM__REQUEST__METHOD_COUNTERS, NULL);
    CHECK(answer->counters->uptime_ms < 600000);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    is_active(1);
}

/* It is disconnected for as long as it may be, and then logged off, whatever the clock of the day says. */
static void a_timeout_is_on_time(uint16_t id, int64_t jump)
{
    struct place place;
    *ahead = 0;
    come_in(&place, 5002, id);
    int64_t began = clock_monotonic_ms();
    close_descriptor(&place.fd);
    lsm_await_state(&harness, id, LODGE__LSM__STATE__DISCONNECTED);
    *ahead = jump;
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == id && sm.session_end.reason == REASON_DISCONNECTED_LIMIT);
    CHECK(clock_monotonic_ms() - began >= DISCONNECTED_MS - TICK_MS);
    *ahead = 0;
    end(&place);
    is_active(1);
}

/* The licences of 5001, who has a session, and of 5002, who has gone. */
static void licences_are_as_the_clock_has_them(void)
{
    struct place place;
    *ahead = 0;
    come_in(&place, 5002, 8);
    end(&place);
    await_places(2);
    is_refused(5003, "user5003");
    *ahead = YEAR; /* sixty days are over, but not for who has a session */
    await_places(1);
    is_active(1);
    *ahead = 0;
    await_places(2);
    is_refused(5003, "user5003");
    *ahead = -YEAR; /* nobody gets another one for it, or loses theirs */
    await_places(2);
    is_refused(5003, "user5003");
    come_in(&place, 5002, 9);
    await_places(2);
    end(&place);
    *ahead = 0;
    await_places(2);
}

static void the_log_has_everything_in_order(unsigned logons)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    uint64_t before = 0;
    unsigned count = 0;
    for (bool more = true; more;) {
        Lodge__Lsm__Answer *answer = ask(LODGE__LSM__REQUEST__METHOD_EVENTS, &events);
        for (size_t i = 0; i < answer->events->n_event; i++) {
            CHECK(answer->events->event[i]->serial > before);
            before = answer->events->event[i]->serial;
            count += answer->events->event[i]->id == 21;
        }
        more = answer->events->more;
        events.after = before;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    CHECK(count == logons);
}

int main(void)
{
    struct place place;
    begin();
    come_in(&place, 5001, 1);
    licences_are_as_the_clock_has_them();
    durations_are_durations(YEAR);
    durations_are_durations(-YEAR);
    a_timeout_is_on_time(2, YEAR);
    a_timeout_is_on_time(3, -YEAR);
    is_active(1);
    the_log_has_everything_in_order(5);
    end(&place);
    harness_end(&harness);
    return 0;
}
