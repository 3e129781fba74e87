#include "rdp-front/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/sandbox.h"
#include "rdp-front/worker-state.h"

#define CPU_SECONDS      30   /* before there is a session */
#define PATIENCE_MS      500  /* a logon that takes longer shows that it is under way */
#define READING_MS       8000 /* a notice stays so long, or until a key */
#define ACTIVATION_MS    5000 /* for a client that has yet to become able to show why it is refused */
#define CLOSING_MS       2000 /* for the last bytes, and for the client to close */
#define DEADLINE_LEAD_MS 1500 /* the worker's own deadline comes before the listener's */

/* Reasons that every client explains by itself or that need no explanation; others are shown on a screen. */
static bool needs_reading(enum reason reason)
{
    switch (reason) {
    case REASON_NONE:
    case REASON_TAKEN_OVER:
    case REASON_DISCONNECTED:
    case REASON_LOGOFF:
    case REASON_LOGOFF_ADMIN:
    case REASON_SHUTDOWN:
    case REASON_CLIENT_GONE:
    case REASON_TIMED_OUT:
        return false;
    default:
        return true;
    }
}

static void timer_set(struct event *timer, long ms)
{
    struct timeval delay = {ms / 1000, ms % 1000 * 1000};
    event_add(timer, &delay);
}

struct screen *worker_screen(struct worker *worker)
{
    if (worker->screen == NULL) {
        worker->screen = screen_new(worker->setup->font, worker->facts.width, worker->facts.height);
        worker->screen_shown = false;
    }
    return worker->screen;
}

void worker_show_screen(struct worker *worker)
{
    if (worker->screen == NULL || worker->screen_shown || !worker->activated_once)
        return;
    worker->screen_shown =
        graphics_set_screen(worker->graphics, screen_pixels(worker->screen), screen_width(worker->screen),
                            screen_height(worker->screen), screen_stride(worker->screen));
    graphics_pointer(worker->graphics, NULL);
}

static void closing_start(struct worker *worker)
{
    peer_say_goodbye(worker, worker->end_reason);
    worker->stage = STAGE_CLOSING;
    timer_set(worker->notice_timer, CLOSING_MS);
}

/* The client is active: shows why it is over, or says goodbye at once. */
static void notice_show(struct worker *worker)
{
    struct screen *screen = needs_reading(worker->end_reason) ? worker_screen(worker) : NULL;
    if (screen == NULL) {
        closing_start(worker);
        return;
    }
    screen_notice(screen, worker->setup->host, reason_sentence(worker->end_reason), worker->end_detail);
    worker_show_screen(worker);
    timer_set(worker->notice_timer, READING_MS);
}

void worker_end(struct worker *worker, enum reason reason, const char *detail)
{
    if (worker->stage >= STAGE_NOTICE)
        return;
    log_info(worker->facts.address, "the connection ends: %s%s%s", reason_name(reason),
             detail && detail[0] ? ": " : "", detail ? detail : "");
    worker->end_reason = reason;
    if (detail != NULL)
        strncpy(worker->end_detail, detail, sizeof(worker->end_detail) - 1);
    channel_close(&worker->channel);
    channel_close(&worker->shadow.channel);
    broker_close(worker);
    close_descriptor(&worker->credentials);
    worker->stage = STAGE_NOTICE;
    if (!worker->capabilities_seen)
        worker->stage = STAGE_DONE; /* nothing could be told to this client */
    else if (worker->activated_once)
        notice_show(worker);
    else
        timer_set(worker->notice_timer, ACTIVATION_MS);
}

void worker_notice_read(struct worker *worker)
{
    if (worker->stage == STAGE_NOTICE && worker->activated_once)
        closing_start(worker);
}

void worker_activated(struct worker *worker)
{
    worker_show_screen(worker);
    channel_start(&worker->channel);
    channel_start(&worker->shadow.channel);
    if (worker->stage == STAGE_NOTICE)
        notice_show(worker);
    else if (worker->stage == STAGE_LOGGING_ON && worker->screen == NULL)
        timer_set(worker->notice_timer, PATIENCE_MS);
}

void worker_logged_on(struct worker *worker)
{
    event_del(worker->deadline);
    alarm(0);
    if (sandbox_trust() != 0)
        log_warning(worker->facts.address, "the bound on processor time stays");
    control_logged_on(worker);
}

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    worker_end(user, REASON_TIMED_OUT, NULL);
}

static void on_notice_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct worker *worker = user;
    if (worker->stage == STAGE_LOGGING_ON && worker_screen(worker) != NULL) {
        screen_notice(worker->screen, worker->setup->host, "Signing in ...", NULL);
        worker_show_screen(worker);
    } else if (worker->stage == STAGE_NOTICE && worker->activated_once) {
        closing_start(worker);
    } else if (worker->stage >= STAGE_NOTICE) {
        worker->stage = STAGE_DONE;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what, (void)user; /* the turn does it all */
}

static void screen_forward(struct worker *worker)
{
    struct rectangles damage;
    if (worker->screen == NULL || !worker->screen_shown)
        return;
    screen_damage(worker->screen, &damage);
    if (damage.count > 0)
        graphics_damage(worker->graphics, &damage);
}

/* What a turn does. Returns false when the client is gone. */
static bool turn(struct worker *worker)
{
    if (!peer_pump(worker))
        return false;
    if (worker->stage == STAGE_CLOSING) {
        peer_arrange(worker);
        return true;
    }
    logon_from_screen(worker);
    logon_from_question(worker);
    screen_forward(worker);
    if (worker->stage == STAGE_CLOSING || worker->stage == STAGE_DONE)
        return true;
    if (!graphics_poll(worker->graphics))
        return false;
    if (worker->stage == STAGE_ATTACHED && worker->activated_once && !worker->logon_told) {
        worker->logon_told = true;
        peer_tell_logon(worker);
    }
    if (worker->activated_once)
        broker_tell_codec(worker);
    traffic_poll(worker);
    peer_arrange(worker);
    return true;
}

/* Once after each turn of the loop. Returns false when the client is gone. */
static bool step(struct worker *worker)
{
    if (worker->peer == NULL || worker->stage == STAGE_DONE)
        return true;
    peer_gather(worker);
    bool there = turn(worker);
    peer_release(worker);
    return there;
}

static void serve(struct worker *worker)
{
    while (worker->stage != STAGE_DONE && event_base_loop(worker->base, EVLOOP_ONCE) == 0)
        if (!step(worker)) {
            log_info(worker->facts.address, "the client is gone");
            worker->stage = STAGE_DONE;
        }
}

static void finish(struct worker *worker)
{
    broker_close(worker);
    close_descriptor(&worker->credentials);
    peer_close(worker);
    screen_free(worker->screen);
    channel_finish(&worker->channel);
    channel_finish(&worker->shadow.channel);
    if (worker->control_event != NULL)
        event_free(worker->control_event);
    close_descriptor(&worker->control);
    event_free(worker->deadline);
    event_free(worker->notice_timer);
    event_free(worker->tick);
    traffic_close(worker);
    event_base_free(worker->base);
    free(worker);
}

/* Nothing of the client has been read before this; all that it sends is read after it. */
static int confine(long logon_seconds)
{
    alarm((unsigned)logon_seconds + 1);
    int failed = sandbox_limit(CPU_SECONDS);
    return failed ? failed : sandbox_filter();
}

int worker_run(struct worker_setup *setup, int control)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return EXIT_FAILURE;
    worker->setup = setup;
    worker->control = worker->socket = worker->lsm = worker->credentials = -1;
    worker->channel = (struct channel){.worker = worker, .fd = -1};
    worker->shadow.channel = (struct channel){.worker = worker, .fd = -1};
    worker->base = event_base_new();
    worker->redirects = redirects_new(worker);
    if (worker->base == NULL || worker->redirects == NULL) {
        redirects_free(worker->redirects);
        if (worker->base != NULL)
            event_base_free(worker->base);
        free(worker);
        return EXIT_FAILURE;
    }
    worker->deadline = evtimer_new(worker->base, on_deadline, worker);
    worker->notice_timer = evtimer_new(worker->base, on_notice_timer, worker);
    worker->tick = evtimer_new(worker->base, on_tick, worker);
    traffic_open(worker);
    int failed = confine(setup->conf.logon_seconds);
    if (failed) {
        log_error(NULL, "cannot enter the sandbox: %s", strerror(-failed));
        finish(worker);
        return EXIT_FAILURE;
    }
    timer_set(worker->deadline, setup->conf.logon_seconds * 1000 - DEADLINE_LEAD_MS);
    control_open(worker, control);
    serve(worker);
    finish(worker);
    return EXIT_SUCCESS;
}
