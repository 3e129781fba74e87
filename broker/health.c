#include "broker/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "broker/broker.h"
#include "broker/expiry.h"
#include "common/clock.h"
#include "policy/licence.h"

#define LATE_MS          2000 /* an answer waits so long for the database */
#define JUMP_MS          10000
#define JUMP_TOLD        INT64_C(3600000) /* a clock that was set is told of for so long */
#define YEAR_2025        INT64_C(1735689600000)
#define MIB              INT64_C(1048576)
#define DAY_MS           INT64_C(86400000)
#define CERTIFICATE_DAYS 14 /* before its end it is a warning */
#define TEXT_ROOM        512

enum {
    OK = LODGE__LSM__HEALTH_STATE__HEALTH_OK,
    WARNING = LODGE__LSM__HEALTH_STATE__HEALTH_WARNING,
    FAILED = LODGE__LSM__HEALTH_STATE__HEALTH_FAILED,
};

struct look {
    struct broker *broker;
    const struct db_health *db;
    bool late; /* the database has not answered */
    int state;
    const char *advice;
    char text[TEXT_ROOM];
};

__attribute__((format(printf, 4, 5))) static void say(struct look *look, int state, const char *advice,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(look->text, sizeof(look->text), format, arguments);
    va_end(arguments);
    look->state = state;
    look->advice = state == OK ? "" : advice;
}

static int64_t seconds_since(int64_t real_ms)
{
    return (clock_real_ms() - real_ms) / 1000;
}

static void check_database(struct look *look)
{
    const struct db_health *db = look->db;
    if (db->trouble[0] != '\0')
        say(look, FAILED,
            "Events and licences are not kept. Make room, or let nobody else hold the file; it is tried "
            "every "
            "second.",
            "cannot be written for %" PRId64 " s: %s", seconds_since(db->since_ms), db->trouble);
    else if (look->late)
        say(look, FAILED, "Look at the disk of the state directory.", "has not answered for %d s",
            LATE_MS / 1000);
    else if (db->aside_ms != 0)
        say(look, WARNING, "Look at the disk; keep or remove that file, and restart lodge-broker.",
            "works; a corrupt file was set aside as %s", db->aside);
    else
        say(look, OK, "", "can be written");
}

static void check_events(struct look *look)
{
    const struct db_health *db = look->db;
    if (db->lost > 0)
        say(look, WARNING, "The database did not keep up, or could not be written; see storage.",
            "%" PRIu64 " were lost since the broker started", db->lost);
    else if (db->queued > DB_QUEUE_MAX / 2)
        say(look, WARNING, "Events are lost when there are too many; see storage.",
            "%zu of at most %d wait for the database", db->queued, DB_QUEUE_MAX);
    else
        say(look, OK, "", "none lost, %zu wait", db->queued);
}

static void check_syslog(struct look *look)
{
    static const char *const names[] = {
        [OUTLET_NONE] = "", [OUTLET_AUTO] = "", [OUTLET_JOURNAL] = "the journal", [OUTLET_SYSLOG] = "syslog"};
    const struct outlet *outlet = &look->broker->outlet;
    if (outlet->failed != 0)
        say(look, WARNING, "Look whether journald or syslogd runs; see [Events] in lodge.conf.",
            "does not take events: %s; %" PRIu64 " were lost", strerror(outlet->failed), outlet->lost);
    else if (outlet->lost > 0)
        say(look, WARNING, "It did not keep up; lodgectl events has them all.",
            "%" PRIu64 " events were lost", outlet->lost);
    else if (outlet->wanted == OUTLET_NONE || outlet->kind == OUTLET_NONE)
        say(look, OK, "",
            outlet->wanted == OUTLET_NONE ? "not wanted" : "neither journal nor syslog is here");
    else
        say(look, OK, "", "%s gets the events", names[outlet->kind]);
}

static void check_smss(struct look *look)
{
    struct broker *broker = look->broker;
    if (broker->stopping)
        say(look, WARNING, "Wait for the end.", "the server shuts down");
    else if (broker->sm.synced)
        say(look, OK, "", "in step, sessions: %u", broker->sessions.count);
    else
        say(look, FAILED, "Nobody can log on. Start lodge-smss, and look at its log.",
            "lodge-smss is away for %" PRId64 " s", (clock_monotonic_ms() - broker->health.away_ms) / 1000);
}

/* The value of a fact that lodge-smss has told, in `text`. */
static bool find_fact(const struct broker *broker, const char *key, char *text, size_t size)
{
    size_t length = strlen(key);
    const char *line = broker->health.facts;
    while (*line != '\0') {
        size_t end = strcspn(line, "\n");
        if (strncmp(line, key, length) == 0 && line[length] == '=') {
            snprintf(text, size, "%.*s", (int)(end - length - 1), line + length + 1);
            return true;
        }
        line += end + (line[end] == '\n');
    }
    return false;
}

static void check_listener(struct look *look)
{
    char state[32];
    if (!find_fact(look->broker, "listener", state, sizeof(state)))
        say(look, WARNING, "See smss.", "not known: lodge-smss has not told");
    else if (strcmp(state, "ready") == 0)
        say(look, OK, "", "takes clients");
    else
        say(look, FAILED, "Nobody can connect. The log of lodge-smss says what its listener does.", "is %s",
            state);
}

static void check_logons(struct look *look)
{
    const struct broker *broker = look->broker;
    if (broker->conf.deny_connections == 1)
        say(look, WARNING, "Take DenyConnections out of lodge.conf, and lodgectl policy reload.",
            "connections are denied (DenyConnections)");
    else if (broker->drain.mode != POLICY_DRAIN_OFF)
        say(look, WARNING, "lodgectl drain off ends it.", "no new sessions: the drain mode is %s",
            limits_drain_name(broker->drain.mode));
    else if (broker->sessions.count >= (unsigned)broker->conf.max_sessions)
        say(look, WARNING, "Log sessions off, or raise MaxSessions.",
            "all %ld sessions that may be are there", broker->conf.max_sessions);
    else
        say(look, OK, "", "%u of %ld sessions", broker->sessions.count, broker->conf.max_sessions);
}

static void check_licences(struct look *look)
{
    struct licences *licences = &look->broker->licences;
    const struct licence_rules *rules = &licences->rules;
    int64_t now = clock_real_ms();
    if (rules->mode == LICENCE_NONE) {
        say(look, OK, "", "none are needed");
        return;
    }
    if (licences->state != LICENCES_KNOWN) {
        say(look, licences->state == LICENCES_BLIND ? FAILED : WARNING, "See storage.",
            "the books cannot be read: everybody is let in");
        return;
    }
    unsigned used = licences_in_use(look->broker);
    int64_t left = licences->first_use_ms + rules->grace_days * LICENCE_DAY_MS - now;
    bool grace = licence_in_grace(rules, now, licences->first_use_ms);
    if (used >= rules->pool && grace)
        say(look, WARNING, "Get more licences before it ends.",
            "all %u are taken; the grace period ends in %" PRId64 " days", rules->pool,
            left / LICENCE_DAY_MS);
    else if (used >= rules->pool)
        say(look, WARNING, "Others are refused. Get more licences, or revoke some.", "all %u are taken",
            rules->pool);
    else
        say(look, OK, "", "%u of %u are taken%s", used, rules->pool, grace ? ", grace period" : "");
}

static void check_disk(struct look *look, const char *path, int64_t failed_below, int64_t warning_below)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0) {
        say(look, FAILED, "Look whether the folder is there.", "%s: cannot be looked at", path);
        return;
    }
    int64_t room = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    bool names = disk.f_files == 0 || disk.f_favail > 100;
    int state = room < failed_below || !names ? FAILED : room < warning_below ? WARNING : OK;
    say(look, state, "Make room there.", "%" PRId64 " MiB are free in %s%s", room / MIB, path,
        names ? "" : ", but no room for files' names");
}

static void check_state(struct look *look)
{
    char path[CONF_TEXT_MAX + 32];
    check_disk(look, conf_state_path(&look->broker->conf, "db", path, sizeof(path)), 16 * MIB, 256 * MIB);
}

static void check_run(struct look *look)
{
    check_disk(look, look->broker->conf.run_directory, MIB, 8 * MIB);
}

static void check_limits(struct look *look)
{
    char holding[128], missing[128];
    if (!find_fact(look->broker, "limits", holding, sizeof(holding)) ||
        !find_fact(look->broker, "missing", missing, sizeof(missing)))
        say(look, WARNING, "See smss.", "not known: lodge-smss has not told");
    else if (missing[0] != '\0')
        say(look, WARNING, "These limits of sessions do not hold: give lodge-smss the cgroup controllers.",
            "no %s; there are: %s", missing, holding[0] != '\0' ? holding : "none");
    else
        say(look, OK, "", "hold: %s", holding);
}

static int64_t clock_offset(void)
{
    return clock_real_ms() - clock_boot_ms();
}

static void check_clock(struct look *look)
{
    struct health *health = &look->broker->health;
    int64_t offset = clock_offset(), by = offset - health->offset_ms, now = clock_boot_ms();
    if (by > JUMP_MS || by < -JUMP_MS) {
        health->jump_ms = by;
        health->jump_at_ms = now;
    }
    health->offset_ms = offset;
    if (clock_real_ms() < YEAR_2025)
        say(look, FAILED, "Set the clock.", "it is long before this version of Lodge was made");
    else if (health->jump_ms != 0 && now - health->jump_at_ms < JUMP_TOLD)
        say(look, WARNING, "Look whether the time is right: licences, logon hours and events go by it.",
            "was set %s by %" PRId64 " s", health->jump_ms > 0 ? "forward" : "back",
            (health->jump_ms > 0 ? health->jump_ms : -health->jump_ms) / 1000);
    else
        say(look, OK, "", "runs evenly");
}

static void check_certificate(struct look *look)
{
    const struct conf *conf = &look->broker->conf;
    char path[CONF_TEXT_MAX + 32], day[32];
    int64_t ends = 0;
    if (conf->certificate[0] != '\0')
        snprintf(path, sizeof(path), "%s", conf->certificate);
    else
        conf_state_path(conf, "rdp-cert.pem", path, sizeof(path));
    int failed = expiry_of(path, &ends);
    if (failed == -ENOENT && conf->certificate[0] == '\0') {
        say(look, OK, "", "is made when the listener starts for the first time");
        return;
    }
    if (failed == -EACCES) {
        say(look, OK, "", "%s: not for this program to read, so its end is not known", path);
        return;
    }
    if (failed != 0) {
        say(look, WARNING, "Look at the file.", "%s: %s", path,
            failed == -EINVAL ? "has no certificate" : strerror(-failed));
        return;
    }
    time_t time = (time_t)(ends / 1000);
    struct tm parts = {0};
    localtime_r(&time, &parts);
    strftime(day, sizeof(day), "%Y-%m-%d", &parts);
    int64_t days = (ends - clock_real_ms()) / DAY_MS;
    if (ends <= clock_real_ms())
        say(look, FAILED, "Clients refuse it, or ask. Put a new one there, and restart.", "ended on %s: %s",
            day, path);
    else
        say(look, days < CERTIFICATE_DAYS ? WARNING : OK, "Put a new one there, and restart.",
            "is valid until %s", day);
}

static void check_load_test(struct look *look)
{
    if (look->broker->conf.virtual_sessions == 1)
        say(look, WARNING, "Take [LoadTest] out of lodge.conf on a server that is to serve people.",
            "this server makes sessions without processes, and nobody can log on");
    else
        say(look, OK, "", "no");
}

static const struct {
    const char *name;
    void (*check)(struct look *look);
} checks[] = {
    {"storage", check_database},    {"events", check_events},     {"syslog", check_syslog},
    {"smss", check_smss},           {"listener", check_listener}, {"logons", check_logons},
    {"licences", check_licences},   {"state-disk", check_state},  {"run-disk", check_run},
    {"limits", check_limits},       {"clock", check_clock},       {"certificate", check_certificate},
    {"load-test", check_load_test},
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static void answer(struct peer *peer, const struct db_health *db, bool late)
{
    static struct look looks[CHECKS];
    Lodge__Lsm__Check told[CHECKS], *pointers[CHECKS];
    Lodge__Lsm__Health health = LODGE__LSM__HEALTH__INIT;
    Lodge__Lsm__Answer to = LODGE__LSM__ANSWER__INIT;
    for (size_t i = 0; i < CHECKS; i++) {
        looks[i] = (struct look){.broker = peer->broker, .db = db, .late = late, .advice = ""};
        checks[i].check(&looks[i]);
        lodge__lsm__check__init(&told[i]);
        told[i].name = (char *)checks[i].name;
        told[i].state = (Lodge__Lsm__HealthState)looks[i].state;
        told[i].text = looks[i].text;
        told[i].advice = (char *)looks[i].advice;
        pointers[i] = &told[i];
        if (told[i].state > health.state)
            health.state = told[i].state;
    }
    health.check = pointers;
    health.n_check = CHECKS;
    to.result_case = LODGE__LSM__ANSWER__RESULT_HEALTH;
    to.health = &health;
    peer_answer(peer, peer->health_serial, &to, -1);
}

static void answer_all(struct broker *broker, const struct db_health *db, bool late)
{
    struct peer *next;
    for (struct peer *peer = TAILQ_FIRST(&broker->peers); peer != NULL; peer = next) {
        next = TAILQ_NEXT(peer, link);
        if (peer->health_waits && !peer->dead) {
            peer->health_waits = false;
            answer(peer, db, late);
        }
    }
}

static void on_probed(void *context, const struct db_health *db)
{
    struct broker *broker = context;
    broker->health.probing = false;
    event_del(broker->health.late);
    answer_all(broker, db, false);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct db_health db;
    (void)fd, (void)what;
    db_health(broker->db, &db);
    answer_all(broker, &db, true);
}

void health_call(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct broker *broker = peer->broker;
    (void)descriptor;
    if (peer->health_waits) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "Another request for health is under way.");
        return;
    }
    peer->health_waits = true;
    peer->health_serial = request->serial;
    if (!broker->health.probing)
        broker->health.probing = db_probe(broker->db, on_probed, broker);
    if (!event_pending(broker->health.late, EV_TIMEOUT, NULL))
        evtimer_add(broker->health.late, &(struct timeval){.tv_sec = LATE_MS / 1000});
}

void health_smss_lost(struct broker *broker)
{
    broker->health.facts[0] = '\0';
    broker->health.away_ms = clock_monotonic_ms();
}

bool health_start(struct broker *broker)
{
    health_smss_lost(broker);
    broker->health.offset_ms = clock_offset();
    broker->health.late = evtimer_new(broker->base, on_late, broker);
    return broker->health.late != NULL;
}

void health_stop(struct broker *broker)
{
    if (broker->health.late != NULL)
        event_free(broker->health.late);
    broker->health.late = NULL;
}
