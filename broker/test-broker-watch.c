/* Subscriptions and waits: who is told what, in order; a reader that is slow is told what it missed and holds
 * up nobody. */
#include <poll.h>
#include <unistd.h>

#include "broker/harness.h"
#include "broker/watch.h"
#include "common/clock.h"
#include "common/packet.h"

#define KIND(symbol) LODGE__LSM__NOTICE_KIND__NOTICE_##symbol
#define MANY         1500

static struct harness harness;
static union sm_body sm;
static union winstation_body winstation;

static uint64_t ask_nothing(int fd, Lodge__Lsm__Request__MethodCase method)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = method;
    request.ping = &nothing;
    return lsm_ask(&harness, fd, &request, -1);
}

/* One who reads notices one by one, whatever packets they come in. */
struct reader {
    int fd;
    uint64_t serial, last, lost;
    Lodge__Lsm__Answer *answer;
    size_t at;
};

static void reader_open(struct reader *reader, uid_t uid)
{
    *reader = (struct reader){.fd = lsm_connect_as(&harness, uid)};
    reader->serial = ask_nothing(reader->fd, LODGE__LSM__REQUEST__METHOD_SUBSCRIBE);
    reader->answer = lsm_expect(reader->fd, reader->serial, NULL);
    CHECK(reader->answer->result_case == LODGE__LSM__ANSWER__RESULT_NOTICES);
    CHECK(reader->answer->notices->n_notice == 0 && reader->answer->notices->lost == 0);
}

static void reader_close(struct reader *reader)
{
    lodge__lsm__answer__free_unpacked(reader->answer, NULL);
    close(reader->fd);
}

static const Lodge__Lsm__Notice *reader_next(struct reader *reader)
{
    while (reader->at == reader->answer->notices->n_notice) {
        lodge__lsm__answer__free_unpacked(reader->answer, NULL);
        reader->answer = lsm_expect(reader->fd, reader->serial, NULL);
        reader->at = 0;
        reader->lost += reader->answer->notices->lost;
        reader->last += reader->answer->notices->lost;
    }
    const Lodge__Lsm__Notice *notice = reader->answer->notices->notice[reader->at++];
    CHECK(notice->sequence == ++reader->last && notice->time_ms > 0);
    return notice;
}

static void expect_notice(struct reader *reader, Lodge__Lsm__NoticeKind kind, uint32_t session, int state)
{
    const Lodge__Lsm__Notice *notice = reader_next(reader);
    if (notice->kind != kind || notice->session != session)
        fprintf(stderr, "notice %d of session %u, wanted %d\n", notice->kind, notice->session, kind);
    CHECK(notice->kind == kind && notice->session == session && (int)notice->state == state);
}

static void expect_life(struct reader *reader)
{
    expect_notice(reader, KIND(CREATE), 1, LODGE__LSM__STATE__INIT);
    expect_notice(reader, KIND(LOGON), 1, LODGE__LSM__STATE__INIT);
    expect_notice(reader, KIND(CONNECT), 1, LODGE__LSM__STATE__CONNECTED);
    expect_notice(reader, KIND(START), 1, LODGE__LSM__STATE__ACTIVE);
    expect_notice(reader, KIND(DISCONNECT), 1, LODGE__LSM__STATE__DISCONNECTED);
    expect_notice(reader, KIND(RECONNECT), 1, LODGE__LSM__STATE__ACTIVE);
    expect_notice(reader, KIND(LOGOFF), 1, LODGE__LSM__STATE__DOWN);
    const Lodge__Lsm__Notice *notice = reader_next(reader);
    CHECK(notice->kind == KIND(TERMINATE) && notice->state == LODGE__LSM__STATE__DOWN);
    CHECK_TEXT(notice->user, "somebody");
    CHECK_TEXT(notice->reason, "logoff");
}

static void lives_are_told_in_order(void)
{
    struct reader admin, own, other;
    struct agent agent;
    struct attached attached;
    reader_open(&admin, 0);
    reader_open(&own, 5001);
    reader_open(&other, 5002);
    CHECK(lsm_expect_reason(own.fd, ask_nothing(own.fd, LODGE__LSM__REQUEST__METHOD_SUBSCRIBE)) ==
          REASON_WRONG_STATE);
    int worker = lsm_connect_front(&harness), again = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    close(worker);
    close(attached.channel);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    lsm_await_state(&harness, 1, LODGE__LSM__STATE__DISCONNECTED);
    uint64_t serial = lsm_ask_logon(&harness, again);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_NONE, 5001, "somebody");
    lsm_expect_attached(again, serial, &attached);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    int root = lsm_connect_as(&harness, 0);
    CHECK(lsm_expect_reason(root, lsm_ask_session(&harness, root, LODGE__LSM__REQUEST__METHOD_LOGOFF, 1)) ==
          REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    sm_tell_ended(&harness, 1, 0, REASON_LOGOFF, "");
    expect_life(&admin);
    expect_life(&own);
    serial = lsm_ask_logon(&harness, again);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_CREDENTIALS, 0, "");
    CHECK(lsm_expect_reason(again, serial) == REASON_CREDENTIALS);
    const Lodge__Lsm__Notice *notice = reader_next(&admin);
    CHECK(notice->kind == KIND(REFUSE) && notice->session == 0);
    CHECK_TEXT(notice->reason, "bad-credentials");
    CHECK_TEXT(notice->address, "10.0.0.1:5000");
    /* answered after all that: so nothing more was queued before */
    CHECK(lsm_expect_reason(own.fd, ask_nothing(own.fd, LODGE__LSM__REQUEST__METHOD_PING)) == REASON_NONE);
    CHECK(lsm_expect_reason(other.fd, ask_nothing(other.fd, LODGE__LSM__REQUEST__METHOD_PING)) ==
          REASON_NONE);
    CHECK(lsm_is_silent(own.fd, 0) && lsm_is_silent(other.fd, 0));
    reader_close(&admin), reader_close(&own), reader_close(&other);
    close(again), close(root), close(attached.channel);
    agent_end(&harness, &agent);
}

/* Asks for the list behind all the notices that nobody has read. */
static bool list_comes_among_notices(struct reader *slow)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
    request.list = &list;
    uint64_t serial = lsm_ask(&harness, slow->fd, &request, -1);
    for (bool found = false; !found;) {
        Lodge__Lsm__Answer *answer = NULL;
        struct pollfd wait = {.fd = slow->fd, .events = POLLIN};
        int descriptor = -1;
        CHECK(poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
        CHECK(lsm_receive_answer(slow->fd, &answer, &descriptor) == 1);
        found = answer->serial == serial;
        CHECK(found || answer->serial == slow->serial);
        if (!found) {
            CHECK(answer->notices->n_notice == 0 ||
                  answer->notices->notice[0]->sequence == slow->last + answer->notices->lost + 1);
            slow->lost += answer->notices->lost;
            slow->last += answer->notices->lost + answer->notices->n_notice;
        } else {
            CHECK(answer->reason == REASON_NONE && answer->sessions->n_session > 0);
        }
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return true;
}

static void slow_readers_are_told(void)
{
    struct reader slow, quick;
    reader_open(&slow, 0);
    reader_open(&quick, 0);
    for (uint16_t id = 1; id <= MANY; id++) {
        sm_tell_state(&harness, id, SM_SESSION_STARTING, 100u + id, 5003, "crowd");
        expect_notice(&quick, KIND(CREATE), id, LODGE__LSM__STATE__INIT);
    }
    CHECK(quick.lost == 0);
    CHECK(list_comes_among_notices(&slow));
    while (slow.last < MANY)
        reader_next(&slow);
    CHECK(slow.last == MANY && slow.lost > 0 && slow.lost < MANY - WATCH_QUEUE_MAX);
    for (uint16_t id = 1; id <= MANY; id++)
        sm_tell_ended(&harness, id, 0, REASON_LOGOFF, "");
    while (slow.last < 2 * MANY)
        reader_next(&slow);
    reader_close(&slow), reader_close(&quick);
}

static uint64_t ask_wait(int fd, uint16_t session, const char *user, int state, uint32_t deadline_ms)
{
    Lodge__Lsm__WaitRequest wait = LODGE__LSM__WAIT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    wait.session = session;
    wait.user = (char *)user;
    wait.gone = state == SESSION_NONE;
    wait.state = wait.gone ? 0 : (Lodge__Lsm__State)state;
    wait.deadline_ms = deadline_ms;
    request.method_case = LODGE__LSM__REQUEST__METHOD_WAIT;
    request.wait = &wait;
    return lsm_ask(&harness, fd, &request, -1);
}

static void expect_waited(int fd, uint64_t serial, uint32_t session, int state)
{
    Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_WAITED);
    CHECK(answer->waited->session == session && answer->waited->gone == (state == SESSION_NONE));
    CHECK(state == SESSION_NONE || (int)answer->waited->state == state);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static void waits_are_answered(void)
{
    int admin = lsm_connect_as(&harness, 0), own = lsm_connect_as(&harness, 5004);
    int other = lsm_connect_as(&harness, 5005);
    uint64_t by_user = ask_wait(admin, 0, "waited", LODGE__LSM__STATE__INIT, 0);
    CHECK(lsm_expect_reason(admin, ask_wait(admin, 0, "waited", 0, 0)) == REASON_WRONG_STATE);
    sm_tell_state(&harness, 9, SM_SESSION_STARTING, 77, 5004, "waited");
    expect_waited(admin, by_user, 9, LODGE__LSM__STATE__INIT);
    expect_waited(admin, ask_wait(admin, 9, "", LODGE__LSM__STATE__INIT, 0), 9, LODGE__LSM__STATE__INIT);
    uint64_t serial = ask_wait(own, 9, "", LODGE__LSM__STATE__DISCONNECTED, 0);
    CHECK(lsm_expect_reason(other, ask_wait(other, 9, "", LODGE__LSM__STATE__DISCONNECTED, 0)) ==
          REASON_NO_SESSION);
    sm_tell_state(&harness, 9, SM_SESSION_UP, 77, 5004, "waited");
    expect_waited(own, serial, 9, LODGE__LSM__STATE__DISCONNECTED);
    int64_t start = clock_monotonic_ms();
    CHECK(lsm_expect_reason(own, ask_wait(own, 9, "", LODGE__LSM__STATE__ACTIVE, 60)) == REASON_TIMED_OUT);
    CHECK(clock_monotonic_ms() - start >= 40); /* the loop's clock is coarse */
    serial = ask_wait(own, 9, "", SESSION_NONE, 0);
    uint64_t never = ask_wait(admin, 9, "", LODGE__LSM__STATE__ACTIVE, 0);
    uint64_t hidden = ask_wait(other, 0, "waited", LODGE__LSM__STATE__DOWN, 200);
    sm_tell_ended(&harness, 9, 77, REASON_LOGOFF, "");
    expect_waited(own, serial, 9, SESSION_NONE);
    CHECK(lsm_expect_reason(admin, never) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(other, hidden) == REASON_TIMED_OUT);
    expect_waited(own, ask_wait(own, 9, "", SESSION_NONE, 0), 0, SESSION_NONE);
    CHECK(lsm_expect_reason(admin, ask_wait(admin, 9, "x", 0, 0)) == REASON_BAD_REQUEST);
    CHECK(lsm_expect_reason(admin, ask_wait(admin, 9, "", 77, 0)) == REASON_BAD_REQUEST);
    ask_wait(own, 0, "waited", LODGE__LSM__STATE__ACTIVE, 0); /* and goes away */
    close(admin), close(own), close(other);
}

int main(void)
{
    harness_begin_with_broker(&harness, "MaxSessions = 4000");
    lives_are_told_in_order();
    waits_are_answered();
    slow_readers_are_told();
    harness_end(&harness);
    return 0;
}
