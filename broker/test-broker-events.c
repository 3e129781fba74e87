/* The events method: every condition, pages both ways, waiting for what comes, and lodgectl that follows. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/packet.h"

#define MANY 350

static struct harness harness;

static void tell_event(uint32_t id, uint16_t session, int64_t time_ms, const char *detail)
{
    struct sm_event event = {.event = id, .session = session, .time_ms = (uint64_t)time_ms};
    snprintf(event.detail, sizeof(event.detail), "%s", detail);
    sm_tell(&harness, SM_EVENT, &event);
}

static Lodge__Lsm__Answer *ask(int fd, const Lodge__Lsm__EventsRequest *events)
{
    Lodge__Lsm__EventsRequest copy = *events;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &copy;
    return lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
}

/* How many there are, by pages of seven from the newest back, or from the first one on; each once, in order.
 */
static size_t count(int fd, Lodge__Lsm__EventsRequest filter, bool back)
{
    size_t found = 0;
    filter.limit = 7;
    filter.first = !back;
    for (bool more = true; more;) {
        Lodge__Lsm__Answer *answer = ask(fd, &filter);
        CHECK(answer->reason == REASON_NONE && answer->events->log != 0);
        size_t here = answer->events->n_event;
        for (size_t i = 0; i < here; i++) {
            const Lodge__Lsm__Event *event = answer->events->event[i];
            CHECK(i == 0 || event->serial > answer->events->event[i - 1]->serial);
            CHECK(filter.before == 0 || event->serial < filter.before);
            CHECK(event->serial > filter.after);
            CHECK(filter.id == 0 || event->id == filter.id);
            CHECK(filter.session == 0 || event->session == filter.session);
            CHECK(filter.since_ms == 0 || event->time_ms >= filter.since_ms);
            CHECK(filter.until_ms == 0 || event->time_ms < filter.until_ms);
            CHECK(filter.user[0] == '\0' || strcmp(event->user, filter.user) == 0);
        }
        found += here;
        more = back ? answer->events->earlier : answer->events->more;
        CHECK(here == 7 || !more);
        if (here > 0 && back)
            filter.before = answer->events->event[0]->serial;
        else if (here > 0)
            filter.after = answer->events->event[here - 1]->serial;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return found;
}

static void expect_count(int fd, const Lodge__Lsm__EventsRequest *filter, size_t want)
{
    size_t back = count(fd, *filter, true), on = count(fd, *filter, false);
    if (back != want || on != want)
        fprintf(stderr, "%zu back, %zu on, want %zu\n", back, on, want);
    CHECK(back == want && on == want);
}

/* Every seventh has the session 3, which is anna's; event 1000 and a service's take turns; a second apart. */
static void conditions_hold_together(int fd)
{
    sm_tell_state(&harness, 3, SM_SESSION_UP, 33, 5003, "anna");
    for (int i = 0; i < MANY; i++)
        tell_event(i % 2 == 0 ? EVENT_SERVICE_EXIT : EVENT_DESKTOP_EXIT, i % 7 == 0 ? 3 : 0,
                   1000000 + i * 1000, "");
    tell_event(EVENT_LOST, 9, 1000, "the clock was set back");
    lsm_await_event(&harness, EVENT_LOST, 9);
    Lodge__Lsm__EventsRequest filter = LODGE__LSM__EVENTS_REQUEST__INIT;
    filter.until_ms = 10000000;
    expect_count(fd, &filter, MANY + 1);
    filter.id = EVENT_SERVICE_EXIT;
    expect_count(fd, &filter, MANY / 2);
    filter.session = 3;
    expect_count(fd, &filter, MANY / 14);
    filter.user = (char *)"anna";
    expect_count(fd, &filter, MANY / 14);
    filter.session = 0;
    filter.since_ms = 1000000 + 14000;
    expect_count(fd, &filter, MANY / 14 - 1);
    filter.until_ms = 1000000 + 14000 * 3;
    expect_count(fd, &filter, 2);
    filter.user = (char *)"ann";
    expect_count(fd, &filter, 0);
    filter = (Lodge__Lsm__EventsRequest)LODGE__LSM__EVENTS_REQUEST__INIT;
    filter.since_ms = 1000;
    filter.until_ms = 1001;
    expect_count(fd, &filter, 1);
    filter.session = 9;
    filter.until_ms = 0;
    expect_count(fd, &filter, 1);
}

static void refuse_nonsense(int fd)
{
    const Lodge__Lsm__EventsRequest none = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__EventsRequest wrong[6] = {none, none, none, none, none, none};
    char name[600];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    wrong[0].since_ms = UINT64_MAX;
    wrong[1].session = 65536;
    wrong[2].user = (char *)"a\nb";
    wrong[3].user = name;
    wrong[4].wait_s = 5; /* for the last ones nobody can wait */
    wrong[5].wait_s = 1000000;
    wrong[5].first = true;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        Lodge__Lsm__Answer *answer = ask(fd, &wrong[i]);
        CHECK(answer->reason == REASON_BAD_REQUEST && answer->detail[0] != '\0');
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
}

static void new_ones_are_waited_for(int fd)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    events.first = true;
    events.id = EVENT_INIT_EXIT;
    events.wait_s = 1;
    Lodge__Lsm__Answer *answer = ask(fd, &events);
    CHECK(answer->reason == REASON_NONE && answer->events->n_event == 0);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    events.wait_s = 600;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    uint64_t serial = lsm_ask(&harness, fd, &request, -1);
    CHECK(lsm_expect_reason(fd, lsm_ask(&harness, fd, &request, -1)) == REASON_WRONG_STATE);
    tell_event(EVENT_AGENT_EXIT, 0, clock_real_ms(), "another");
    lsm_await_event(&harness, EVENT_AGENT_EXIT, 0);
    tell_event(EVENT_INIT_EXIT, 0, clock_real_ms(), "this one");
    answer = lsm_expect(fd, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->events->n_event == 1);
    CHECK_TEXT(answer->events->event[0]->detail, "this one");
    lodge__lsm__answer__free_unpacked(answer, NULL);
    int gone = lsm_connect_as(&harness, 0);
    events.id = 7777;
    lsm_ask(&harness, gone, &request, -1);
    close(gone);
}

static const char *lodgectl(void)
{
    static char program[512];
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 32);
    CHECK(size > 0);
    program[size] = '\0';
    snprintf(strrchr(program, '/'), 32, "/lodgectl");
    return program;
}

static pid_t follow(int *out_r, const char *option, const char *value)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char config[128];
        if (dup2(ends[1], STDOUT_FILENO) < 0)
            _exit(1);
        snprintf(config, sizeof(config), "%s/lodge.conf", harness.directory);
        execl(lodgectl(), "lodgectl", "--config", config, "events", "--follow", "-n", "1", option, value,
              "--json", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    *out_r = ends[0];
    return child;
}

/* The next line has to hold the text. */
static void expect_line(int out, const char *want)
{
    char line[2048];
    size_t used = 0;
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    for (;;) {
        struct pollfd wait = {.fd = out, .events = POLLIN};
        CHECK(clock_monotonic_ms() < deadline);
        CHECK(poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
        CHECK(used < sizeof(line) - 1 && read(out, line + used, 1) == 1);
        if (line[used++] != '\n')
            continue;
        line[used] = '\0';
        if (strstr(line, want) == NULL)
            fprintf(stderr, "%s, want %s\n", line, want);
        CHECK(strstr(line, want) != NULL);
        return;
    }
}

static void lodgectl_follows_over_a_restart(void)
{
    int out, status;
    tell_event(EVENT_LOGON_EXIT, 0, clock_real_ms(), "before");
    lsm_await_event(&harness, EVENT_LOGON_EXIT, 0);
    pid_t child = follow(&out, "--event", "logon-exit");
    expect_line(out, "\"before\"");
    tell_event(EVENT_DESKTOP_EXIT, 0, clock_real_ms(), "not asked for");
    tell_event(EVENT_LOGON_EXIT, 0, clock_real_ms(), "first");
    expect_line(out, "\"first\"");
    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    tell_event(EVENT_LOGON_EXIT, 0, clock_real_ms(), "second");
    tell_event(EVENT_LOGON_EXIT, 0, clock_real_ms(), "third");
    expect_line(out, "\"second\"");
    expect_line(out, "\"third\"");
    /* and into a new log, whose serials begin anew */
    harness_kill_broker(&harness);
    char command[200];
    snprintf(command, sizeof(command), "rm -f '%s'/state/db/lodge.db*", harness.directory);
    CHECK(system(command) == 0);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    tell_event(EVENT_LOGON_EXIT, 0, clock_real_ms(), "fourth");
    expect_line(out, "\"fourth\"");
    CHECK(kill(child, SIGTERM) == 0 && waitpid(child, &status, 0) == child);
    close(out);
}

int main(void)
{
    harness_begin_with_broker(&harness, "");
    int fd = lsm_connect_as(&harness, 0);
    conditions_hold_together(fd);
    refuse_nonsense(fd);
    new_ones_are_waited_for(fd);
    close(fd);
    if (access(lodgectl(), X_OK) == 0) /* it is built with another part */
        lodgectl_follows_over_a_restart();
    harness_end(&harness);
    return 0;
}
