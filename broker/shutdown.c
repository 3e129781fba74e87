#include "broker/shutdown.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/keep.h"
#include "broker/link.h"
#include "broker/peers.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "rpc/winstation.h"

#define PATH_ROOM     (CONF_TEXT_MAX + 32)
#define BOOT_ROOM     40
#define FILE_ROOM     2048
#define WARNING_STYLE 0x30 /* MB_OK with MB_ICONWARNING */
#define NEWS_STYLE    0x40 /* MB_OK with MB_ICONINFORMATION */
#define NEWS_S        60
#define TIMER_SLACK   200 /* ms that a timer may be early */

static const struct {
    const char *name, *title, *what;
} actions[] = {
    [SM_STOP] = {"stop", "The server stops", "stops"},
    [SM_HALT] = {"halt", "The machine is shut down", "is shut down"},
    [SM_REBOOT] = {"reboot", "The machine is restarted", "is restarted"},
};

/* So many seconds before it begins, people are told again. */
static const int64_t warnings_s[] = {3600, 1800, 900, 300, 60, 30, 10, 0};

static int64_t left_ms(const struct shutdown *shutdown)
{
    int64_t left = shutdown->at_ms - clock_monotonic_ms();
    return left > 0 ? left : 0;
}

static const char *file_path(const struct broker *broker, char path[PATH_ROOM])
{
    return conf_state_path(&broker->conf, "db/shutdown", path, PATH_ROOM);
}

/* The monotonic clock begins with the machine: a countdown means nothing after that. */
static void read_boot(char boot[BOOT_ROOM])
{
    snprintf(boot, BOOT_ROOM, "?");
    keep_read("/proc/sys/kernel/random/boot_id", boot, BOOT_ROOM);
    boot[strcspn(boot, "\n")] = '\0';
}

static void keep(const struct broker *broker)
{
    const struct shutdown *shutdown = &broker->shutdown;
    char path[PATH_ROOM], boot[BOOT_ROOM], text[FILE_ROOM];
    read_boot(boot);
    snprintf(text, sizeof(text), "%s %" PRId64 " %u %u %u\n%s\n%s\n", boot, shutdown->at_ms,
             (unsigned)shutdown->action, shutdown->force, (unsigned)shutdown->uid, shutdown->reason,
             shutdown->message);
    int failed = keep_write(file_path(broker, path), text);
    if (failed)
        log_error(path, "the countdown would not survive this broker's death: %s", strerror(-failed));
}

static void forget(const struct broker *broker)
{
    char path[PATH_ROOM];
    if (unlink(file_path(broker, path)) != 0 && errno != ENOENT)
        log_error(path, "cannot be removed: %s", strerror(errno));
}

/* Cuts the next line off. Returns it, NULL where there is none. */
static char *take_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (end == NULL)
        return NULL;
    *end = '\0';
    *text = end + 1;
    return line;
}

static bool parse(char *text, const char *boot, struct shutdown *shutdown_r)
{
    char *first = take_line(&text), *reason = first != NULL ? take_line(&text) : NULL;
    char *message = reason != NULL ? take_line(&text) : NULL;
    char was[BOOT_ROOM];
    int64_t at_ms;
    unsigned action, force, uid;
    if (message == NULL ||
        sscanf(first, "%39s %" SCNd64 " %u %u %u", was, &at_ms, &action, &force, &uid) != 5 ||
        strcmp(was, boot) != 0 || action > SM_REBOOT || !text_is_printable(reason) ||
        !text_is_printable(message))
        return false;
    *shutdown_r = (struct shutdown){
        .pending = true, .action = (enum sm_action)action, .force = force != 0, .uid = uid, .at_ms = at_ms};
    return text_copy(shutdown_r->reason, sizeof(shutdown_r->reason), reason) &&
           text_copy(shutdown_r->message, sizeof(shutdown_r->message), message);
}

static void describe_left(int64_t ms, char *text, size_t size)
{
    int64_t seconds = (ms + 500) / 1000, minutes = (seconds + 30) / 60;
    if (seconds == 60)
        snprintf(text, size, "one minute");
    else if (seconds < 120)
        snprintf(text, size, "%" PRId64 " seconds", seconds);
    else if (minutes < 120)
        snprintf(text, size, "%" PRId64 " minutes", minutes);
    else
        snprintf(text, size, "%" PRId64 " hours", (minutes + 30) / 60);
}

/* The next time to tell people, or to begin: how far before the beginning. */
static int64_t next_warning_ms(int64_t left)
{
    size_t i = 0;
    while (warnings_s[i] * 1000 + TIMER_SLACK >= left && warnings_s[i] != 0)
        i++;
    return warnings_s[i] * 1000;
}

/* Shows it in place of what was said before. */
static void show(struct session *session, struct winstation_message *message)
{
    if (session->shutdown_box != 0)
        link_send_cancel(session, session->shutdown_box);
    session->shutdown_box = 0;
    if (session->viewer == 0 || session->state == SESSION_DOWN)
        return;
    message->serial = ++session->broker->message_number;
    if (link_send(session, WINSTATION_MESSAGE, message))
        session->shutdown_box = message->serial;
}

static void compose_warning(const struct shutdown *shutdown, struct winstation_message *message_r)
{
    int64_t left = left_ms(shutdown);
    char in[48];
    describe_left(left, in, sizeof(in));
    *message_r = (struct winstation_message){
        .style = WARNING_STYLE, .timeout_s = (uint32_t)((left - next_warning_ms(left)) / 1000) + 2};
    snprintf(message_r->title, sizeof(message_r->title), "%s", actions[shutdown->action].title);
    snprintf(message_r->text, sizeof(message_r->text),
             "In %s this server %s, and you are logged off. Please save your work.%s%s%s%s", in,
             actions[shutdown->action].what, shutdown->message[0] != '\0' ? "\n\n" : "", shutdown->message,
             shutdown->reason[0] != '\0' ? "\n\nReason: " : "", shutdown->reason);
}

static void show_all(struct broker *broker, struct winstation_message *message)
{
    for (struct session *at = session_next(broker, 0); at != NULL; at = session_next(broker, at->id))
        show(at, message);
}

static void tell_status(const struct broker *broker, Lodge__Lsm__Shutdown *told_r)
{
    const struct shutdown *shutdown = &broker->shutdown;
    const struct sm_shutdown_status *status = &shutdown->status;
    bool runs = status->phase[0] != '\0';
    lodge__lsm__shutdown__init(told_r);
    told_r->phase = (char *)(runs ? status->phase : shutdown->pending ? "countdown" : "none");
    if (runs) {
        told_r->action = (Lodge__Lsm__ShutdownAction)status->action;
        told_r->force = status->force != 0;
        told_r->sessions = status->sessions;
        told_r->phase_ms = status->phase_ms;
        told_r->waits_for = (char *)status->waits_for;
    }
    if (!shutdown->pending)
        return;
    if (!runs) {
        told_r->action = (Lodge__Lsm__ShutdownAction)shutdown->action;
        told_r->force = shutdown->force;
        told_r->left_ms = (uint64_t)left_ms(shutdown);
        told_r->sessions = broker->sessions.count;
    }
    told_r->at_ms = (uint64_t)(clock_real_ms() + shutdown->at_ms - clock_monotonic_ms());
    told_r->uid = shutdown->uid;
    told_r->reason = (char *)shutdown->reason;
    told_r->message = (char *)shutdown->message;
}

static void answer_status(struct peer *peer, uint64_t serial)
{
    Lodge__Lsm__Shutdown told;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    tell_status(peer->broker, &told);
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SHUTDOWN;
    answer.shutdown = &told;
    peer_answer(peer, serial, &answer, -1);
}

static void tell_followers(struct broker *broker)
{
    struct peer *next;
    for (struct peer *peer = TAILQ_FIRST(&broker->peers); peer != NULL; peer = next) {
        next = TAILQ_NEXT(peer, link);
        if (peer->follows_shutdown)
            answer_status(peer, peer->shutdown_serial);
    }
}

static void arm(struct shutdown *shutdown)
{
    int64_t left = left_ms(shutdown);
    int64_t delay = left - next_warning_ms(left);
    struct timeval wait = {.tv_sec = delay / 1000, .tv_usec = delay % 1000 * 1000};
    evtimer_add(shutdown->timer, &wait);
}

static void send_if_due(struct broker *broker)
{
    const struct shutdown *shutdown = &broker->shutdown;
    struct sm_shutdown asked = {
        .action = (uint8_t)shutdown->action, .force = shutdown->force, .uid = shutdown->uid};
    if (!shutdown->pending || left_ms(shutdown) > 0 || !broker->sm.synced)
        return;
    memcpy(asked.reason, shutdown->reason, sizeof(asked.reason));
    log_info("shutdown", "the countdown is over");
    smlink_send(broker, SM_SHUTDOWN, &asked, -1);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct shutdown *shutdown = &broker->shutdown;
    struct winstation_message message;
    (void)fd, (void)what;
    if (!shutdown->pending || broker->stopping)
        return;
    if (left_ms(shutdown) == 0) {
        send_if_due(broker);
        return;
    }
    compose_warning(shutdown, &message);
    show_all(broker, &message);
    arm(shutdown);
}

bool shutdown_load(struct broker *broker)
{
    struct shutdown *shutdown = &broker->shutdown;
    char path[PATH_ROOM], boot[BOOT_ROOM], text[FILE_ROOM], in[48];
    shutdown->timer = evtimer_new(broker->base, on_timer, broker);
    if (shutdown->timer == NULL)
        return false;
    struct event *timer = shutdown->timer;
    read_boot(boot);
    if (keep_read(file_path(broker, path), text, sizeof(text)) != 0)
        return true;
    if (!parse(text, boot, shutdown)) {
        log_warning(path, "is no countdown of since the machine started, and is dropped");
        *shutdown = (struct shutdown){0};
        forget(broker);
    }
    shutdown->timer = timer;
    if (!shutdown->pending)
        return true;
    describe_left(left_ms(shutdown), in, sizeof(in));
    log_info("shutdown", "the countdown goes on: %s in %s", actions[shutdown->action].name, in);
    arm(shutdown);
    return true;
}

void shutdown_free(struct broker *broker)
{
    if (broker->shutdown.timer == NULL)
        return;
    if (broker->stopping)
        forget(broker);
    event_free(broker->shutdown.timer);
    broker->shutdown.timer = NULL;
}

void shutdown_synced(struct broker *broker)
{
    broker->shutdown.status.phase[0] = '\0';
    send_if_due(broker);
}

void shutdown_told(struct broker *broker, const struct sm_shutdown_status *status)
{
    if (status->action > SM_REBOOT) {
        log_error("sm.port", "a state of the shutdown makes no sense");
        return;
    }
    broker->shutdown.status = *status;
    tell_followers(broker);
}

void shutdown_session_moved(struct session *session, enum session_event event)
{
    struct broker *broker = session->broker;
    struct winstation_message message;
    if (!broker->shutdown.pending || broker->stopping || event != SESSION_ATTACHES)
        return;
    compose_warning(&broker->shutdown, &message);
    show(session, &message);
}

/* Returns false when the request has been answered. */
static bool take(struct peer *peer, uint64_t serial, const Lodge__Lsm__ShutdownRequest *asked,
                 struct shutdown *to_r)
{
    const struct broker *broker = peer->broker;
    *to_r = (struct shutdown){.pending = true,
                              .action = (enum sm_action)asked->action,
                              .force = asked->force,
                              .uid = peer->uid,
                              .at_ms = clock_monotonic_ms() + (int64_t)asked->in_s * 1000,
                              .status = broker->shutdown.status,
                              .timer = broker->shutdown.timer};
    if ((unsigned)asked->action > SM_REBOOT || asked->in_s > SHUTDOWN_IN_MOST_S ||
        (asked->in_s == 0) != asked->now || !text_is_printable(asked->reason) ||
        !text_is_printable(asked->message) || !text_copy(to_r->reason, sizeof(to_r->reason), asked->reason) ||
        !text_copy(to_r->message, sizeof(to_r->message), asked->message)) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST,
                    "The action, the time (either now or a week at most), the reason (255 bytes, one line) "
                    "or the message "
                    "(1023 bytes, one line) makes no sense.");
        return false;
    }
    if ((broker->shutdown.pending || broker->stopping) && !asked->force) {
        peer_refuse(peer, serial, REASON_WRONG_STATE,
                    "A shutdown has been asked for already; it can be aborted until it begins.");
        return false;
    }
    return true;
}

static void record(struct broker *broker)
{
    const struct shutdown *shutdown = &broker->shutdown;
    char detail[512], in[48];
    describe_left(left_ms(shutdown), in, sizeof(in));
    snprintf(detail, sizeof(detail), "%s%s in %s, by uid %u%s%s", actions[shutdown->action].name,
             shutdown->force ? ", forced," : "", in, (unsigned)shutdown->uid,
             shutdown->reason[0] != '\0' ? ": " : "", shutdown->reason);
    log_info("shutdown", "%s", detail);
    record_event(broker, EVENT_SHUTDOWN_SET, 0, NULL, NULL, REASON_SHUTDOWN, detail);
}

void call_shutdown(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct broker *broker = peer->broker;
    struct shutdown wanted;
    struct winstation_message message;
    (void)descriptor;
    if (!take(peer, request->serial, request->shutdown, &wanted))
        return;
    broker->shutdown = wanted;
    keep(broker);
    record(broker);
    if (left_ms(&broker->shutdown) > 0) {
        compose_warning(&broker->shutdown, &message);
        show_all(broker, &message);
        arm(&broker->shutdown);
    } else {
        send_if_due(broker);
    }
    answer_status(peer, request->serial);
    tell_followers(broker);
}

void call_shutdown_abort(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct broker *broker = peer->broker;
    struct shutdown *shutdown = &broker->shutdown;
    struct winstation_message message = {.style = NEWS_STYLE, .timeout_s = NEWS_S};
    char by[32];
    (void)descriptor;
    if (broker->stopping || !shutdown->pending || left_ms(shutdown) == 0) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE,
                    broker->stopping || shutdown->pending ? "It has begun." : "No shutdown was asked for.");
        return;
    }
    shutdown->pending = false;
    evtimer_del(shutdown->timer);
    forget(broker);
    snprintf(by, sizeof(by), "by uid %u", (unsigned)peer->uid);
    log_info("shutdown", "aborted %s", by);
    record_event(broker, EVENT_SHUTDOWN_ABORT, 0, NULL, NULL, REASON_NONE, by);
    snprintf(message.title, sizeof(message.title), "No shutdown");
    snprintf(message.text, sizeof(message.text), "The shutdown was called off. You can go on working.");
    show_all(broker, &message);
    answer_status(peer, request->serial);
    tell_followers(broker);
}

void call_shutdown_status(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    peer->follows_shutdown = request->shutdown_status->follow;
    peer->shutdown_serial = request->serial;
    answer_status(peer, request->serial);
}
