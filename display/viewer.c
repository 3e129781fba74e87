#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "display/agent.h"
#include "rpc/winstation.h"

/* A viewer whose socket has been full for so long is stuck. */
#define STUCK_MS 60000
/* Messages taken from one viewer before the others have their turn. */
#define MESSAGES_A_TURN 64
/* ... and before the requests that came of them are sent: so many fit into X_UNSENT_BYTES in any case. */
#define MESSAGES_A_CHECK 4

static void log_viewer(const struct viewer *viewer, const char *what, const char *why)
{
    char about[40];
    snprintf(about, sizeof(about), "viewer %016llx", (unsigned long long)viewer->id);
    log_info(about, "%s%s%s", what, why[0] ? ": " : "", why);
}

static void viewer_goes(struct viewer *viewer, bool tell_broker)
{
    if (viewer->gone)
        return;
    viewer->gone = true;
    viewer->tell_broker = tell_broker;
}

static struct viewer *find(struct agent *agent, uint64_t id)
{
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next) {
        if (viewer->id == id && !viewer->gone)
            return viewer;
    }
    return NULL;
}

static bool show_screen(struct agent *agent)
{
    int failed = screen_show(&agent->screen);
    if (failed) {
        log_error(NULL, "no frame memory: %s", strerror(-failed));
        return false;
    }
    pointer_follow(&agent->pointer, true);
    return true;
}

void viewer_attach(struct agent *agent, int fd, uint64_t id, enum viewer_part part)
{
    struct viewer *old = find(agent, id);
    if (old != NULL)
        viewer_goes(old, false);
    struct viewer *viewer = agent->viewer_count < AGENT_MAX_VIEWERS ? calloc(1, sizeof(*viewer)) : NULL;
    if (viewer == NULL || !show_screen(agent)) {
        free(viewer);
        close_descriptor(&fd);
        broker_send(agent, WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){.viewer = id});
        return;
    }
    viewer->id = id;
    viewer->fd = fd;
    viewer->part = part;
    viewer->moved_version = agent->pointer.moved_version;
    viewer->next = agent->viewers;
    agent->viewers = viewer;
    agent->viewer_count++;
    log_viewer(viewer, "attached", part == VIEWER_OWN ? "" : "it shadows the session");
}

static void dismiss(struct viewer *viewer, unsigned reason, const char *detail, bool tell_broker)
{
    struct winstation_bye bye = {.reason = (uint16_t)reason};
    text_copy(bye.detail, sizeof(bye.detail), detail);
    message_send(viewer->fd, &winstation_protocol, WINSTATION_BYE, &bye, -1);
    log_viewer(viewer, "dismissed", "");
    viewer_goes(viewer, tell_broker);
}

void viewer_dismiss(struct agent *agent, uint64_t id, unsigned reason, const char *detail, bool tell_broker)
{
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next) {
        if (!viewer->gone && (id == 0 || viewer->id == id))
            dismiss(viewer, reason, detail, tell_broker);
    }
}

void viewer_dismiss_shadows(struct agent *agent, unsigned reason)
{
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next) {
        if (!viewer->gone && viewer->part != VIEWER_OWN)
            dismiss(viewer, reason, "", false);
    }
}

static void on_frame_done(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    (void)agent, (void)body;
    viewer->busy = false;
}

static void on_key(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    agent->input_at = clock_monotonic_ms();
    input_take_key(&agent->input, &viewer->source, &body->key);
}

static void on_text(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    agent->input_at = clock_monotonic_ms();
    input_take_text(&agent->input, &viewer->source, &body->text);
}

static void on_mouse(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    agent->input_at = clock_monotonic_ms();
    input_take_mouse(&agent->input, &viewer->source, &body->mouse, agent->screen.width, agent->screen.height);
}

/* The lock keys are as the session's own client has them. */
static void on_locks(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    if (viewer->part != VIEWER_OWN)
        input_release(&agent->input, &viewer->source);
    else
        input_take_locks(&agent->input, &viewer->source, body->locks.locks);
}

static void on_resize(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    (void)viewer;
    resize_want(&agent->resize, body->resize.width, body->resize.height, agent->screen.width,
                agent->screen.height);
}

static void damage_everything(struct agent *agent, struct viewer *viewer)
{
    region_clear(&viewer->damage);
    if (agent->screen.filled) /* else the first capture is still to come, and is of everything */
        region_fill(&viewer->damage, agent->screen.width, agent->screen.height);
}

static void on_suppress(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    bool before = viewer->suppressed;
    viewer->suppressed = body->suppress.suppressed != 0;
    if (!before || viewer->suppressed)
        return;
    damage_everything(agent, viewer);
    viewer->shape_version = 0; /* it may have shown other things meanwhile */
}

static void on_redirect_wanted(struct agent *agent, struct viewer *viewer, const union winstation_body *body)
{
    const struct winstation_redirect_wanted *wanted = &body->redirect_wanted;
    int fd = redirects_start(&agent->redirects, viewer->id, wanted->kind, wanted->bits);
    if (fd == -ENOENT)
        return; /* it is not installed */
    int failed = fd;
    if (fd >= 0) {
        failed = message_send(viewer->fd, &winstation_protocol, WINSTATION_REDIRECT,
                              &(struct winstation_redirect){wanted->kind}, fd);
        close_descriptor(&fd);
    }
    if (failed < 0)
        log_viewer(viewer, "a redirection cannot be had", strerror(-failed));
}

#define ANYONE (VIEWER_OWN | VIEWER_CONTROLS | VIEWER_LOOKS_ON)

/* What of whom counts; anything else is passed over. */
static const struct {
    unsigned number;
    unsigned parts;
    void (*action)(struct agent *, struct viewer *, const union winstation_body *);
} actions[] = {
    {WINSTATION_FRAME_DONE, ANYONE, on_frame_done},
    {WINSTATION_KEY, VIEWER_OWN | VIEWER_CONTROLS, on_key},
    {WINSTATION_TEXT, VIEWER_OWN | VIEWER_CONTROLS, on_text},
    {WINSTATION_MOUSE, VIEWER_OWN | VIEWER_CONTROLS, on_mouse},
    {WINSTATION_LOCKS, VIEWER_OWN | VIEWER_CONTROLS, on_locks},
    {WINSTATION_RESIZE, VIEWER_OWN, on_resize},
    {WINSTATION_SUPPRESS, ANYONE, on_suppress},
    {WINSTATION_REDIRECT_WANTED, VIEWER_OWN, on_redirect_wanted},
};

static void act(struct agent *agent, struct viewer *viewer, unsigned number,
                const union winstation_body *body)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (actions[i].number == number && (actions[i].parts & (unsigned)viewer->part) != 0)
            actions[i].action(agent, viewer, body);
    }
}

void viewer_receive(struct agent *agent, struct viewer *viewer)
{
    for (int i = 0; i < MESSAGES_A_TURN && !viewer->gone; i++) {
        if (i % MESSAGES_A_CHECK == 0 && !x_flush(&agent->x))
            return; /* they stay in the socket until the X server reads again */
        union winstation_body body;
        struct message message;
        const char *problem = "";
        int got = message_receive(viewer->fd, &winstation_protocol, WINSTATION_BY_VIEWER, &body, sizeof(body),
                                  &message, &problem);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            log_viewer(viewer, got == 0 ? "gone" : "closed",
                       got == 0 ? "" : (problem[0] ? problem : strerror(-got)));
            viewer_goes(viewer, true);
            return;
        }
        act(agent, viewer, message.number, &body);
    }
}

bool viewer_wants_frame(const struct agent *agent, const struct viewer *viewer)
{
    if (viewer->gone || viewer->full)
        return false;
    return viewer->generation != agent->screen.generation || (!viewer->busy && !viewer->suppressed);
}

/* Returns true when it was sent. */
static bool tell(struct viewer *viewer, unsigned number, const void *body, int descriptor, int64_t now)
{
    int failed = message_send(viewer->fd, &winstation_protocol, number, body, descriptor);
    if (failed == 0)
        return true;
    if (failed == -EAGAIN) {
        viewer->full = true;
        viewer->full_since = now;
    } else {
        log_viewer(viewer, "gone", strerror(-failed));
        viewer_goes(viewer, true);
    }
    return false;
}

static bool tell_screen(struct agent *agent, struct viewer *viewer, int64_t now)
{
    const struct memory *memory = &agent->screen.memory;
    if (viewer->generation == agent->screen.generation)
        return true;
    if (!agent->screen.filled) /* nobody shall be shown memory that is still black */
        return false;
    struct winstation_screen screen = {memory->width, memory->height, memory->stride};
    if (!tell(viewer, WINSTATION_SCREEN, &screen, memory->viewer_fd, now))
        return false;
    viewer->generation = agent->screen.generation;
    damage_everything(agent, viewer);
    return true;
}

static bool tell_pointer(struct agent *agent, struct viewer *viewer, int64_t now)
{
    const struct pointer *pointer = &agent->pointer;
    if (viewer->shape_version != pointer->shape_version && pointer->shape != NULL) {
        if (!tell(viewer, WINSTATION_POINTER, pointer->shape, -1, now))
            return false;
        viewer->shape_version = pointer->shape_version;
    }
    if (viewer->moved_version != pointer->moved_version) {
        struct winstation_pointer_moved moved = {pointer->at_x, pointer->at_y};
        if (!tell(viewer, WINSTATION_POINTER_MOVED, &moved, -1, now))
            return false;
        viewer->moved_version = pointer->moved_version;
    }
    return true;
}

static void tell_damage(struct agent *agent, struct viewer *viewer, int64_t now)
{
    if (viewer->busy || viewer->suppressed || screen_is_capturing(&agent->screen))
        return;
    region_clip(&viewer->damage, agent->screen.width, agent->screen.height);
    if (region_is_empty(&viewer->damage))
        return;
    struct winstation_damage damage;
    region_rectangles(&viewer->damage, &damage.rectangles);
    if (!tell(viewer, WINSTATION_DAMAGE, &damage, -1, now))
        return;
    region_clear(&viewer->damage);
    viewer->busy = true;
}

void viewer_tell(struct agent *agent, struct viewer *viewer, int64_t now)
{
    if (viewer->full && now - viewer->full_since >= STUCK_MS) {
        log_viewer(viewer, "closed", "it does not read");
        viewer_goes(viewer, true);
    }
    if (viewer->gone || viewer->full || agent->resize.busy)
        return;
    if (tell_screen(agent, viewer, now) && tell_pointer(agent, viewer, now))
        tell_damage(agent, viewer, now);
}

void viewer_reap(struct agent *agent)
{
    for (struct viewer **link = &agent->viewers; *link != NULL;) {
        struct viewer *viewer = *link;
        if (!viewer->gone) {
            link = &viewer->next;
            continue;
        }
        *link = viewer->next;
        agent->viewer_count--;
        input_release(&agent->input, &viewer->source);
        redirects_viewer_gone(&agent->redirects, viewer->id);
        packet_end(&viewer->fd); /* not close: a BYE is on its way */
        if (viewer->tell_broker)
            broker_send(agent, WINSTATION_VIEWER_GONE,
                        &(struct winstation_viewer_gone){.viewer = viewer->id});
        free(viewer);
    }
    if (agent->viewers == NULL) {
        screen_hide(&agent->screen);
        pointer_follow(&agent->pointer, false);
    }
}
