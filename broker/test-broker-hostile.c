/* Peers on lsm.port, and agents, that break the protocol, send too much, read nothing or come too often: they
 * are dropped, and nobody else notices. */
#include <errno.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/packet.h"

static struct harness harness;
static union sm_body sm;
static union winstation_body winstation;

static void still_serves(void)
{
    CHECK(lsm_state_of(&harness, 1) == LODGE__LSM__STATE__ACTIVE);
}

static uint64_t ask_ping(int fd)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PING;
    request.ping = &nothing;
    return lsm_ask(&harness, fd, &request, -1);
}

/* A ping with descriptors: the kernel lets nobody but the front end pass any (Linux 6.16), or the broker ends
 * the connection. */
static void descriptors_do_not_get_through(size_t count)
{
    static const int many[2] = {STDIN_FILENO, STDIN_FILENO};
    int user = lsm_connect_as(&harness, 5100);
    int failed = packet_send(user, "\x08\x01\x12\x00", 4, many, count);
    CHECK(failed == 0 || failed == -EPERM);
    if (failed == 0)
        lsm_expect_end(user);
    close(user);
}

static void garbage_is_dropped(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"\xff\xff\xff\xff", 4}, {"\x08\x01", 2}, {"\x0a\xff", 2}, {"\x12\x7f", 2}, {"\xa2\x06\x00", 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = lsm_connect_as(&harness, 5100);
        CHECK(packet_send(fd, rows[i].bytes, rows[i].size, NULL, 0) == 0);
        lsm_expect_end(fd);
        close(fd);
    }
    static uint8_t large[PACKET_MAX_BYTES];
    int fd = lsm_connect_as(&harness, 5100);
    CHECK(packet_send(fd, large, sizeof(large), NULL, 0) == 0);
    lsm_expect_end(fd);
    close(fd);
    still_serves();
}

static void wrong_descriptors_are_dropped(void)
{
    int front = lsm_connect_front(&harness);
    descriptors_do_not_get_through(1);
    descriptors_do_not_get_through(2);
    Lodge__Lsm__LogonRequest logon = LODGE__LSM__LOGON_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LOGON;
    request.logon = &logon;
    uint64_t serial = lsm_ask(&harness, front, &request, STDIN_FILENO);
    CHECK(lsm_expect_reason(front, serial) == REASON_BAD_REQUEST); /* no client */
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    logon.client = &client;
    client.name = (char *)"line\nbreak";
    serial = lsm_ask(&harness, front, &request, STDIN_FILENO);
    CHECK(lsm_expect_reason(front, serial) == REASON_BAD_REQUEST);
    lsm_ask(&harness, front, &request, -1);
    lsm_expect_end(front);
    close(front);
    still_serves();
}

static void too_many_connections_are_refused(void)
{
    int fds[64];
    for (size_t i = 0; i < 64; i++) {
        fds[i] = lsm_connect_as(&harness, 5101);
        CHECK(lsm_expect_reason(fds[i], ask_ping(fds[i])) == REASON_NONE);
    }
    int more = lsm_connect_as(&harness, 5101);
    lsm_expect_turned_away(more);
    close(more);
    int other = lsm_connect_as(&harness, 5102);
    CHECK(lsm_expect_reason(other, ask_ping(other)) == REASON_NONE);
    close(other);
    close(fds[0]);
    still_serves(); /* the broker has seen that end, or sees it before the next comes */
    more = lsm_connect_as(&harness, 5101);
    close(more);
    for (size_t i = 1; i < 64; i++)
        close(fds[i]);
    still_serves();
}

/* Asks and asks without reading; the broker gives up on it when its answers do not fit any more. */
static void who_does_not_read_is_dropped(void)
{
    int fd = lsm_connect_as(&harness, 5103);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_VERSION;
    request.version = &nothing;
    int failed = 0;
    for (int i = 0; i < 1000000 && failed == 0; i++) {
        request.serial = (uint64_t)i;
        while ((failed = lsm_send_request(fd, &request, -1)) == -EAGAIN)
            still_serves();
    }
    CHECK(failed == -EPIPE || failed == -ECONNRESET);
    close(fd);
    still_serves();
}

static void a_hostile_agent_harms_its_session_alone(struct agent *agent, const struct attached *attached)
{
    static const uint8_t garbage[] = {1, 0, WINSTATION_INPUT, 0}, later[] = {1, 0, 99, 0};
    CHECK(packet_send(agent->broker, later, sizeof(later), NULL, 0) == 0); /* passed over */
    CHECK(packet_send(agent->broker, garbage, sizeof(garbage), NULL, 0) == 0);
    agent_accept(agent); /* it was closed, and the broker comes again */
    /* names of viewers that there cannot be are answered, not believed */
    agent_tell(agent, WINSTATION_VIEWER, &(struct winstation_viewer){attached->viewer + 1});
    agent_expect(agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached->viewer + 1);
    agent_tell(agent, WINSTATION_VIEWER, &(struct winstation_viewer){attached->viewer});
    agent_tell_synced(agent);
    still_serves();
    /* a viewer's message, with a descriptor: the kernel does not let that through (Linux 6.16), or the broker
     * closes */
    int failed = message_send(agent->broker, &winstation_protocol, WINSTATION_SCREEN,
                              &(struct winstation_screen){0}, STDIN_FILENO);
    CHECK(failed == 0 || failed == -EPERM);
    if (failed != 0)
        CHECK(packet_send(agent->broker, garbage, sizeof(garbage), NULL, 0) == 0);
    agent_accept(agent);
    agent_tell_synced(agent);
    still_serves();
}

static void lodge_smss_is_checked_too(void)
{
    /* states that make no sense are left alone */
    sm_tell_state(&harness, 0, SM_SESSION_UP, 5, 5104, "somebody");
    sm_tell_state(&harness, 9, (enum sm_life)7, 5, 5104, "somebody");
    sm_tell_ended(&harness, 9, 5, (enum reason)999, "");
    sm_tell_result(&harness, 12345, REASON_NONE, 5104, "somebody");
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == 12345);
    CHECK(lsm_state_of(&harness, 9) == SESSION_NONE);
    still_serves();
}

int main(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "");
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    garbage_is_dropped();
    wrong_descriptors_are_dropped();
    too_many_connections_are_refused();
    who_does_not_read_is_dropped();
    a_hostile_agent_harms_its_session_alone(&agent, &attached);
    lodge_smss_is_checked_too();
    harness_end(&harness);
    return 0;
}
