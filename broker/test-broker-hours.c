/* Logon hours, against a real broker whose clock of the day the test sets, by years either way. */
#include <pwd.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"

#define ACTIVE        LODGE__LSM__STATE__ACTIVE
#define GONE          LODGE__LSM__STATE__DISCONNECTED
#define EVENT_REFUSED 1000
#define EVENT_FOR     40
#define WEEK          "LogonHours = Mon-Fri 07:00-19:00\n"

static struct harness harness;
static struct agent agent;
static struct attached attached;
static union sm_body sm;
static union winstation_body winstation;
static _Atomic int64_t *offset_s;

/* The broker's clock stands there from now on, and goes on. */
static void set_clock(int year, int month, int day, int hour, int minute, int second)
{
    struct tm local = {.tm_year = year - 1900,
                       .tm_mon = month - 1,
                       .tm_mday = day,
                       .tm_hour = hour,
                       .tm_min = minute,
                       .tm_sec = second,
                       .tm_isdst = -1};
    atomic_store(offset_s, mktime(&local) - time(NULL));
}

static void make_clock(void)
{
    char path[64];
    int fd = memfd_create("clock", 0);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(*offset_s)) == 0);
    offset_s = mmap(NULL, sizeof(*offset_s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    CHECK(offset_s != MAP_FAILED && setenv("LODGE_CLOCK_AT", path, 1) == 0);
    CHECK(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1) == 0);
    tzset();
}

static void start_broker(void)
{
    CHECK(setenv("LD_PRELOAD", CLOCK_AT, 1) == 0);
    harness_spawn_broker(&harness);
    CHECK(unsetenv("LD_PRELOAD") == 0);
    harness_take_broker(&harness);
    sm_tell_synced(&harness);
}

static void begin(const char *keys)
{
    harness_begin(&harness, keys);
    start_broker();
}

static void end(uint16_t id)
{
    sm_tell_ended(&harness, id, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
    agent_end(&harness, &agent);
    harness_end(&harness);
}

/* A logon up to the moment of the decision; returns the serial of the request. */
static uint64_t come(int fd, uid_t uid, const char *user)
{
    uint64_t serial = lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_NONE, uid, user);
    return serial;
}

static void refused(uid_t uid, const char *user, const char *detail)
{
    int fd = lsm_connect_front(&harness);
    Lodge__Lsm__Answer *answer = lsm_expect(fd, come(fd, uid, user), NULL);
    CHECK(answer->reason == REASON_LOGON_HOURS);
    CHECK_TEXT(answer->detail, detail);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.reason == REASON_LOGON_HOURS);
    lsm_await_event(&harness, EVENT_REFUSED, 0);
    close(fd);
}

static void admitted(uid_t uid, const char *user, uint16_t id)
{
    int fd = lsm_connect_front(&harness);
    come(fd, uid, user);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    sm_tell_state(&harness, id, SM_SESSION_UP, sm.logon_admit.logon, uid, user);
    lsm_await_state(&harness, id, GONE);
    close(fd);
    sm_tell_ended(&harness, id, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
}

static void expect_warning(unsigned least_s, unsigned most_s)
{
    agent_expect(&agent, WINSTATION_MESSAGE, &winstation, NULL);
    CHECK(winstation.message.timeout_s >= least_s && winstation.message.timeout_s <= most_s);
    CHECK(strstr(winstation.message.text, "logged off") != NULL);
}

static void expect_end(uint16_t id)
{
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == id && sm.session_end.reason == REASON_HOURS_OVER);
    lsm_await_event(&harness, EVENT_FOR, id);
}

/* 2026-11-30 and 2025-12-01 are Mondays, 2027-11-30 is a Tuesday. */
static void warned_and_logged_off_whatever_the_clock_does(void)
{
    set_clock(2026, 11, 30, 12, 0, 0);
    begin(WEEK "HoursAction = 2");
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    set_clock(2026, 11, 30, 18, 57, 0);
    expect_warning(120, 180);
    set_clock(2025, 12, 1, 12, 0, 0);
    CHECK(sm_is_silent(&harness, 3000) && lsm_state_of(&harness, 1) == ACTIVE);
    set_clock(2027, 11, 30, 18, 54, 57);
    expect_warning(290, 300);
    set_clock(2027, 11, 30, 18, 59, 58);
    expect_end(1);
    close(worker);
    end(1);

    /* a year, into the night */
    set_clock(2026, 11, 30, 12, 0, 0);
    begin(WEEK "HoursAction = 2");
    worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    set_clock(2027, 11, 30, 23, 0, 0);
    expect_end(1);
    close(worker);
    end(1);
}

static void disconnected_and_kept_out(void)
{
    set_clock(2026, 12, 4, 18, 59, 57);
    begin(WEEK "HoursAction = 1\nHoursWarningSeconds = 0");
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.reason == REASON_HOURS_OVER);
    CHECK_TEXT(winstation.detach.detail, "You may log on again on Monday, 07 December, at 07:00.");
    lsm_await_state(&harness, 1, GONE);
    refused(5001, "somebody", "You may log on again on Monday, 07 December, at 07:00.");
    CHECK(lsm_state_of(&harness, 1) == GONE);

    /* and has it back in the morning */
    set_clock(2026, 12, 7, 7, 0, 0);
    close(worker);
    worker = lsm_connect_front(&harness);
    uint64_t serial = come(worker, 5001, "somebody");
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    lsm_expect_attached(worker, serial, &attached);
    close(worker);
    end(1);
}

/* A session that nobody is connected to ends too, also one that an earlier broker left. */
static void a_new_broker_logs_off_too(void)
{
    set_clock(2026, 11, 30, 12, 0, 0);
    begin(WEEK "HoursAction = 2");
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    harness_kill_broker(&harness);
    close(worker);
    set_clock(2026, 11, 30, 20, 0, 0);
    CHECK(setenv("LD_PRELOAD", CLOCK_AT, 1) == 0);
    harness_spawn_broker(&harness);
    CHECK(unsetenv("LD_PRELOAD") == 0);
    harness_take_broker(&harness);
    sm_tell_state(&harness, 1, SM_SESSION_UP, attached.logon, 5001, "somebody");
    sm_tell_synced(&harness);
    expect_end(1);
    end(1);
}

static void nothing_is_done(void)
{
    set_clock(2026, 11, 30, 18, 59, 59);
    begin(WEEK);
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    CHECK(sm_is_silent(&harness, 3000) && lsm_is_silent(agent.broker, 0));
    CHECK(lsm_state_of(&harness, 1) == ACTIVE);
    close(worker);
    end(1);
}

/* What policy_test says of that time, as "VERDICT REASON DETAIL", has to be this. */
static void would_be(const char *user, int64_t at_s, const char *want)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__PolicyTestRequest test = LODGE__LSM__POLICY_TEST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    char got[256];
    test.user = (char *)user;
    test.at_ms = (uint64_t)at_s * 1000;
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_TEST;
    request.policy_test = &test;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE && answer->policy_verdict != NULL);
    snprintf(got, sizeof(got), "%s %s %s", answer->policy_verdict->verdict,
             reason_name(answer->policy_verdict->reason), answer->policy_verdict->detail);
    CHECK_TEXT(got, want);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
}

/* The value that holds for the user, as "VALUE SECTION ORIGIN", the origin after its last slash. */
static void holds_for(const char *user, const char *key, const char *want)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__PolicyUserRequest asked = LODGE__LSM__POLICY_USER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    char got[512] = "";
    asked.user = (char *)user;
    asked.client = (char *)"10.0.0.1:7";
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_USER;
    request.policy_user = &asked;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE && answer->policy_user != NULL);
    for (size_t i = 0; i < answer->policy_user->n_value; i++) {
        const Lodge__Lsm__PolicyValue *value = answer->policy_user->value[i];
        const char *slash = strrchr(value->origin, '/');
        if (strcmp(value->key, key) == 0)
            snprintf(got, sizeof(got), "%s %s %s", value->value, value->section,
                     slash != NULL ? slash + 1 : value->origin);
    }
    CHECK_TEXT(got, want);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
}

/* games and daemon are users with a group of the same name in every Debian. */
static void by_group_and_not_for_administrators(void)
{
    int64_t night_s;
    set_clock(2026, 11, 30, 6, 59, 0);
    begin(WEEK "[Group games]\nLogonHours = Mon 06:00-06:30\n[Server]\nAdminGroup = daemon");
    refused(5001, "somebody", "You may log on again on Monday, 30 November, at 07:00.");
    refused(5, "games", "You may log on again on Monday, 07 December, at 06:00.");
    admitted(1, "daemon", 1);
    admitted(0, "root", 2);
    set_clock(2026, 11, 30, 6, 29, 0);
    admitted(5, "games", 3);
    night_s = time(NULL) + atomic_load(offset_s) + 86400;
    would_be("games", 0, "new none ");
    would_be("games", night_s, "refuse logon-hours You may log on again on Monday, 07 December, at 06:00.");
    would_be("somebody", night_s + 3600, "new none ");
    would_be("daemon", night_s, "new none ");
    holds_for("games", "LogonHours", "Mon 06:00-06:30 Group games lodge.conf:9");
    holds_for("somebody", "LogonHours", "Mon-Fri 07:00-19:00 Sessions lodge.conf:7");
    holds_for("games", "HoursAction", "0 Sessions default");
    harness_end(&harness);
}

int main(void)
{
    const struct passwd *games = getpwnam("games");
    if (games == NULL || games->pw_uid != 5)
        return HARNESS_SKIP;
    make_clock();
    warned_and_logged_off_whatever_the_clock_does();
    disconnected_and_kept_out();
    a_new_broker_logs_off_too();
    nothing_is_done();
    by_group_and_not_for_administrators();
    return 0;
}
