/* Random histories against a real broker with a played lodge-smss: logons, several at a time, sessions that
 * are made, fail and end, brokers that are killed, configurations that are read anew, drain modes, a clock
 * that is set by a year. Before the broker's every decision what it knows is what this model knows; so each
 * is held to the promises: nothing over a limit, no second session of a user who may have one, no refusal
 * while there is room, an administrator's seat for an administrator, and as many seats taken as sessions hold
 * one.
 *
 * The users are in every Debian; sync, nobody and _apt are of the group nogroup, daemon is the
 * administrator's group. */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"

#define STEPS    400
#define LOGONS   6
#define ROOM     10
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define YEAR_S   INT64_C(31536000)   /* no whole weeks: another day of the week */
#define MONDAY_S INT64_C(1796040000) /* 2026-11-30 12:00 UTC */
#define OLD_MS   20000               /* a logon that has waited so long may be given up, on a slow machine */

static const struct {
    const char *name;
    uid_t uid;
    bool nogroup, administrator;
} users[] = {{"sync", 4, true, false},   {"nobody", 65534, true, false}, {"_apt", 42, true, false},
             {"games", 5, false, false}, {"daemon", 1, false, true},     {"root", 0, false, true}};

/* What is configured, and as it is written. 0: no such limit. */
struct rules {
    const char *text;
    bool several;
    unsigned most, per_user, per_address, reserved, of_nogroup, pool;
    bool hours; /* Mondays alone */
};

static const struct rules plain[] = {
    {.text = "MaxSessions = 3", .most = 3},
    {.text = "MaxSessions = 4\nReservedSeats = 2", .most = 4, .reserved = 2},
    {.text = "MaxSessions = 6\n[Group nogroup]\nMaxSessions = 2", .most = 6, .of_nogroup = 2},
    {.text = "MaxSessions = 6\nMaxSessionsPerAddress = 2", .most = 6, .per_address = 2},
    {.text = "SingleSessionPerUser = 0\nMaxSessionsPerUser = 2\nMaxSessions = 7\n[Group "
             "nogroup]\nMaxSessions = 3",
     .several = true,
     .per_user = 2,
     .most = 7,
     .of_nogroup = 3},
    {.text = "MaxSessions = 5\nReservedSeats = 1\nLogonHours = Mon", .most = 5, .reserved = 1, .hours = true},
};
static const struct rules licensed[] = {
    {.text = "MaxSessions = 6\n[Licences]\nMode = concurrent\nGraceDays = 0\nPoolSize = 3",
     .most = 6,
     .pool = 3},
    {.text = "MaxSessions = 6\n[Licences]\nMode = concurrent\nGraceDays = 0\nPoolSize = 1",
     .most = 6,
     .pool = 1},
    {.text = "MaxSessions = 2\n[Licences]\nMode = concurrent\nGraceDays = 0\nPoolSize = 9",
     .most = 2,
     .pool = 9},
};

enum life { FREE, MAKING, UP, ENDING };
enum wait { NO_LOGON, CHECKING, DECIDING, MADE };

static struct harness harness;
static union sm_body sm;
static const struct rules *rules;
static Lodge__Lsm__DrainMode drain;
static bool away_from_hours;
static int64_t noon_s; /* what the clock is off by: it begins on a Monday at noon */
static _Atomic int64_t *offset_s;
static unsigned seed, step;
static unsigned
    tally[REASON_COUNT + 2]; /* outcomes: refusals by reason, and at the end new ones, reconnects */
static struct {
    enum life life;
    unsigned user;
    uint64_t logon;
    bool from_here; /* this broker knows from where it was made */
} sessions[ROOM + 1];
static struct {
    uint64_t serial, number;
    int64_t since_ms;
    enum wait wait;
    int fd;
    unsigned user;
    uint16_t session; /* MADE: that is made for it */
} logons[LOGONS];

static void tell_where(int status, void *nothing)
{
    (void)nothing;
    if (status != 0)
        fprintf(stderr, "in history %u, step %u\n", seed, step);
}

static unsigned dice(unsigned sides)
{
    return (unsigned)random() % sides;
}

static unsigned count_sessions(int user, bool nogroup, bool from_here)
{
    unsigned count = 0;
    for (size_t id = 1; id <= ROOM; id++) {
        if (sessions[id].life == FREE || (user >= 0 && sessions[id].user != (unsigned)user))
            continue;
        count += (!nogroup || users[sessions[id].user].nogroup) && (!from_here || sessions[id].from_here);
    }
    return count;
}

static unsigned count_changing(unsigned user)
{
    unsigned count = 0;
    for (size_t id = 1; id <= ROOM; id++)
        count += sessions[id].user == user && (sessions[id].life == MAKING || sessions[id].life == ENDING);
    return count;
}

static bool has_disconnected(unsigned user)
{
    bool has = false;
    for (size_t id = 1; id <= ROOM; id++)
        has |= sessions[id].user == user && sessions[id].life == UP;
    return has;
}

static unsigned seats_for(unsigned user)
{
    return rules->most - (users[user].administrator ? 0 : rules->reserved);
}

static bool is_outside(unsigned user)
{
    return rules->hours && away_from_hours && !users[user].administrator;
}

/* No room by that reason: then, and only then, it may be given. */
static bool is_full(unsigned user, enum reason reason)
{
    switch (reason) {
    case REASON_SESSION_LIMIT:
        return count_sessions(-1, false, false) >= seats_for(user);
    case REASON_USER_LIMIT:
        return rules->several && count_sessions((int)user, false, false) >= rules->per_user;
    case REASON_GROUP_LIMIT:
        return rules->of_nogroup > 0 && users[user].nogroup &&
               count_sessions(-1, true, false) >= rules->of_nogroup;
    case REASON_ADDRESS_LIMIT:
        return rules->per_address > 0 && count_sessions(-1, false, true) >= rules->per_address;
    case REASON_NO_LICENCE:
        return rules->pool > 0 && count_sessions(-1, false, false) >= rules->pool;
    case REASON_DRAIN:
        return drain != LODGE__LSM__DRAIN_MODE__OFF;
    case REASON_LOGON_HOURS:
        return is_outside(user);
    default:
        return false;
    }
}

static void check_admission(unsigned user)
{
    static const enum reason all[] = {REASON_SESSION_LIMIT, REASON_USER_LIMIT, REASON_GROUP_LIMIT,
                                      REASON_ADDRESS_LIMIT, REASON_NO_LICENCE, REASON_DRAIN,
                                      REASON_LOGON_HOURS};
    for (size_t i = 0; i < COUNT(all); i++)
        CHECK(!is_full(user, all[i]));
    CHECK(rules->several || count_sessions((int)user, false, false) == 0);
    CHECK(!has_disconnected(user)); /* which would be had back */
}

static size_t find_logon(uint64_t number)
{
    for (size_t i = 0; i < LOGONS; i++) {
        if (logons[i].wait != NO_LOGON && logons[i].number == number)
            return i;
    }
    CHECK(!"a logon of this history");
    return 0;
}

static void forget(size_t i)
{
    if (logons[i].wait != NO_LOGON)
        close(logons[i].fd);
    logons[i].wait = NO_LOGON;
}

static void take_admission(size_t i)
{
    uint16_t id = 1;
    CHECK(logons[i].wait == DECIDING);
    check_admission(logons[i].user);
    while (sessions[id].life != FREE)
        id++;
    CHECK(id <= ROOM);
    sessions[id].life = MAKING;
    sessions[id].user = logons[i].user;
    sessions[id].logon = logons[i].number;
    sessions[id].from_here = true;
    logons[i].wait = MADE;
    logons[i].session = id;
    tally[REASON_COUNT]++;
}

static void take_drop(size_t i, enum reason reason)
{
    unsigned user = logons[i].user;
    CHECK(logons[i].wait == DECIDING);
    if (reason == REASON_NONE) {
        CHECK(has_disconnected(user) && !is_outside(user));
        tally[REASON_COUNT + 1]++;
    } else {
        CHECK(lsm_expect_reason(logons[i].fd, logons[i].serial) == reason);
        bool slow = reason == REASON_TIMED_OUT && clock_monotonic_ms() - logons[i].since_ms > OLD_MS;
        CHECK(slow || is_full(user, reason));
        tally[reason]++;
    }
    forget(i);
}

/* The next message of the broker; true when it is LOGON_START, with *number_r. False too at its end. */
static bool take_message(uint64_t *number_r, bool *ended_r)
{
    struct message message;
    const char *problem = "";
    struct pollfd wait = {.fd = harness.sm, .events = POLLIN};
    CHECK(poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
    int got = message_receive(harness.sm, &sm_protocol, SM_BROKER, &sm, sizeof(sm), &message, &problem);
    *ended_r = got == 0 || got == -ECONNRESET;
    if (*ended_r)
        return false;
    CHECK(got == 1);
    if (message.descriptor >= 0)
        close(message.descriptor);
    if (message.number == SM_LOGON_START) {
        *number_r = sm.logon_start.logon;
        return true;
    }
    if (message.number == SM_LOGON_ADMIT)
        take_admission(find_logon(sm.logon_admit.logon));
    else if (message.number == SM_LOGON_DROP)
        take_drop(find_logon(sm.logon_drop.logon), (enum reason)sm.logon_drop.reason);
    else if (message.number != SM_CONF_READ)
        CHECK(message.number == SM_SESSION_END); /* which was asked for, and may be over by now */
    return false;
}

/* A logon waits for nothing but a session of its user's that is being made or ended: so of all others the
 * decision has to come. */
static bool must_be_decided(size_t i)
{
    bool waits = !rules->several && count_changing(logons[i].user) > 0 && !is_outside(logons[i].user);
    return logons[i].wait == DECIDING && !waits;
}

static void settle(void)
{
    uint64_t number;
    bool ended;
    for (size_t i = 0; i < LOGONS; i++) {
        while (must_be_decided(i)) {
            CHECK(!take_message(&number, &ended) && !ended);
            i = 0;
        }
    }
}

static void begin_logon(void)
{
    bool ended;
    size_t i = 0;
    while (i < LOGONS && logons[i].wait != NO_LOGON)
        i++;
    if (i == LOGONS)
        return;
    logons[i].fd = lsm_connect_front(&harness);
    logons[i].serial = lsm_ask_logon(&harness, logons[i].fd);
    while (!take_message(&logons[i].number, &ended))
        CHECK(!ended);
    logons[i].wait = CHECKING;
    logons[i].user = dice(COUNT(users));
}

static void tell_who(size_t i)
{
    if (logons[i].wait != CHECKING)
        return;
    logons[i].wait = DECIDING;
    logons[i].since_ms = clock_monotonic_ms();
    sm_tell_result(&harness, logons[i].number, REASON_NONE, users[logons[i].user].uid,
                   users[logons[i].user].name);
}

static size_t logon_of(uint16_t id)
{
    size_t i = 0;
    while (i < LOGONS && (logons[i].wait != MADE || logons[i].session != id))
        i++;
    return i;
}

static void finish_making(uint16_t id)
{
    size_t i = logon_of(id);
    sm_tell_state(&harness, id, SM_SESSION_UP, sessions[id].logon, users[sessions[id].user].uid,
                  users[sessions[id].user].name);
    if (i < LOGONS)
        forget(i);
    sessions[id].life = UP;
    lsm_await_state(&harness, id, LODGE__LSM__STATE__DISCONNECTED);
}

/* Nothing is left of it, as lodge-smss says; before it was told of, its logon is refused. */
static void remove_session(uint16_t id, enum reason reason)
{
    size_t i = sessions[id].life == MAKING ? logon_of(id) : LOGONS;
    sm_tell_ended(&harness, id, sessions[id].logon, reason, "");
    if (i < LOGONS) {
        CHECK(lsm_expect_reason(logons[i].fd, logons[i].serial) == reason);
        forget(i);
    }
    sessions[id].life = FREE;
    lsm_await_state(&harness, id, SESSION_NONE);
}

static void ask_logoff(uint16_t id)
{
    int admin = lsm_connect_as(&harness, 0);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_LOGOFF, id);
    sessions[id].life = ENDING;
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    close(admin);
}

static void move_session(uint16_t id)
{
    if (sessions[id].life == MAKING && dice(4) > 0)
        finish_making(id);
    else if (sessions[id].life == MAKING)
        remove_session(id, REASON_SESSION_FAILED);
    else if (sessions[id].life == UP && dice(2) > 0)
        ask_logoff(id);
    else if (sessions[id].life != FREE)
        remove_session(id, REASON_LOGOFF);
}

static void configure(const struct rules *wanted)
{
    char text[512];
    snprintf(text, sizeof(text), "%s\n[Server]\nAdminGroup = daemon", wanted->text);
    harness_configure(&harness, text);
}

/* No decision is due before: what comes after is by what is read now. */
static void reload(const struct rules *wanted)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    int admin = lsm_connect_as(&harness, 0);
    configure(wanted);
    request.method_case = LODGE__LSM__REQUEST__METHOD_RELOAD;
    request.reload = &nothing;
    CHECK(lsm_expect_reason(admin, lsm_ask(&harness, admin, &request, -1)) == REASON_NONE);
    rules = wanted;
    close(admin);
}

static void set_drain(Lodge__Lsm__DrainMode mode)
{
    Lodge__Lsm__DrainRequest wanted = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    int admin = lsm_connect_as(&harness, 0);
    wanted.mode = mode;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &wanted;
    CHECK(lsm_expect_reason(admin, lsm_ask(&harness, admin, &request, -1)) == REASON_NONE);
    drain = mode;
    close(admin);
}

/* A logon that is being decided would be by one clock or by the other: there is none then, see settle. */
static void set_clock(bool away)
{
    for (size_t i = 0; i < LOGONS; i++) {
        if (logons[i].wait == DECIDING)
            return;
    }
    away_from_hours = away;
    atomic_store(offset_s, noon_s + (away ? (dice(2) > 0 ? YEAR_S : -YEAR_S) : 0));
}

static void spawn(void)
{
    CHECK(setenv("LD_PRELOAD", CLOCK_AT, 1) == 0);
    harness_spawn_broker(&harness);
    CHECK(unsetenv("LD_PRELOAD") == 0);
    harness_take_broker(&harness);
}

/* What the broker has still said counts; lodge-smss goes on with that, and its successor is told. */
static void kill_broker(void)
{
    uint64_t number;
    bool ended = false;
    CHECK(kill(harness.broker, SIGKILL) == 0);
    while (!ended)
        CHECK(!take_message(&number, &ended));
    harness_kill_broker(&harness);
    for (size_t i = 0; i < LOGONS; i++)
        forget(i);
    spawn();
    for (uint16_t id = 1; id <= ROOM; id++) {
        static const enum sm_life lives[] = {
            [MAKING] = SM_SESSION_STARTING, [UP] = SM_SESSION_UP, [ENDING] = SM_SESSION_ENDING};
        sessions[id].from_here = false;
        if (sessions[id].life != FREE)
            sm_tell_state(&harness, id, lives[sessions[id].life], sessions[id].logon,
                          users[sessions[id].user].uid, users[sessions[id].user].name);
    }
    sm_tell_synced(&harness);
}

static void check_licences(void)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    if (rules->pool == 0)
        return;
    int admin = lsm_connect_as(&harness, 0);
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_POOL;
    request.licence_pool = &nothing;
    Lodge__Lsm__Answer *answer = lsm_expect(admin, lsm_ask(&harness, admin, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE);
    CHECK(answer->licence_pool->in_use == count_sessions(-1, false, false));
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(admin);
}

static void take_step(const struct rules *choice, size_t choices)
{
    unsigned what = dice(100);
    if (what < 30)
        begin_logon();
    else if (what < 60)
        tell_who(dice(LOGONS));
    else if (what < 86)
        move_session((uint16_t)(1 + dice(ROOM)));
    else if (what < 93)
        reload(&choice[dice((unsigned)choices)]);
    else if (what < 95)
        set_drain(LODGE__LSM__DRAIN_MODE__RECONNECTS);
    else if (what < 98)
        set_clock(dice(2) > 0);
    else
        kill_broker();
    settle();
    if (drain != LODGE__LSM__DRAIN_MODE__OFF && dice(5) == 0)
        set_drain(LODGE__LSM__DRAIN_MODE__OFF);
    settle();
}

static void history(const struct rules *choice, size_t choices, unsigned number)
{
    seed = number;
    srandom(seed);
    memset(sessions, 0, sizeof(sessions));
    rules = &choice[dice((unsigned)choices)];
    drain = LODGE__LSM__DRAIN_MODE__OFF;
    away_from_hours = false;
    noon_s = MONDAY_S - time(NULL);
    atomic_store(offset_s, noon_s);
    harness_begin(&harness, "");
    configure(rules);
    spawn();
    sm_tell_synced(&harness);
    for (step = 0; step < STEPS; step++) {
        take_step(choice, choices);
        check_licences();
    }
    for (uint16_t id = 1; id <= ROOM; id++) {
        if (sessions[id].life != FREE)
            remove_session(id, sessions[id].life == MAKING ? REASON_SESSION_FAILED : REASON_LOGOFF);
    }
    for (size_t i = 0; i < LOGONS; i++)
        forget(i);
    harness_end(&harness);
}

static void make_clock(void)
{
    char path[64];
    int fd = memfd_create("clock", 0);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(*offset_s)) == 0);
    offset_s = mmap(NULL, sizeof(*offset_s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    CHECK(offset_s != MAP_FAILED && setenv("LODGE_CLOCK_AT", path, 1) == 0);
    CHECK(setenv("TZ", "UTC0", 1) == 0);
    tzset();
}

/* With two arguments: the plain histories of the numbers from the first to the second. */
int main(int count, char **words)
{
    for (size_t i = 0; i < COUNT(users); i++) {
        const struct passwd *entry = getpwnam(users[i].name);
        if (entry == NULL || entry->pw_uid != users[i].uid || (entry->pw_gid == 65534) != users[i].nogroup)
            return HARNESS_SKIP;
    }
    CHECK(on_exit(tell_where, NULL) == 0);
    make_clock();
    unsigned first = count == 3 ? (unsigned)atoi(words[1]) : 1,
             last = count == 3 ? (unsigned)atoi(words[2]) : 8;
    for (unsigned number = first; number <= last; number++)
        history(plain, COUNT(plain), number);
    if (count == 3)
        return 0;
    for (unsigned number = 9; number <= 11; number++)
        history(licensed, COUNT(licensed), number);
    for (unsigned i = 0; i < COUNT(tally); i++) {
        if (tally[i] > 0)
            printf("%s: %u\n",
                   i < REASON_COUNT    ? reason_name(i)
                   : i == REASON_COUNT ? "new"
                                       : "reconnect",
                   tally[i]);
    }
    static const enum reason seen[] = {REASON_SESSION_LIMIT, REASON_USER_LIMIT, REASON_GROUP_LIMIT,
                                       REASON_ADDRESS_LIMIT, REASON_NO_LICENCE, REASON_DRAIN,
                                       REASON_LOGON_HOURS};
    for (size_t i = 0; i < COUNT(seen); i++)
        CHECK(tally[seen[i]] > 0); /* else nothing has been tried */
    CHECK(tally[REASON_COUNT] > 100 && tally[REASON_COUNT + 1] > 20);
    return 0;
}
