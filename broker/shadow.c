#include "broker/shadow.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/broker.h"
#include "broker/link.h"
#include "broker/methods.h"
#include "broker/peers.h"
#include "broker/shadow-policy.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "rpc/winstation.h"

#define CONSENT_S      30   /* for the person to answer in */
#define CONSENT_MORE_S 5    /* for the agent to tell that they did not */
#define STYLE          0x24 /* MB_YESNO with MB_ICONQUESTION */
#define ID_YES         6
#define HOTKEY         0x6A /* VK_MULTIPLY, on the numeric keypad */
#define HOTKEY_CTRL    2
#define HOTKEY_MOST    0xFE
#define MODIFIERS_MOST 7
#define ABOUT_ROOM     (SM_USER_ROOM + 64)

struct shadow {
    struct session *shown, *by; /* each has it in session.shadower, session.shadows */
    uint64_t viewer;            /* 0: the person is being asked */
    bool control;
    bool asked; /* the person, who said yes */
    uint32_t hotkey, modifiers;
    /* while the person is being asked */
    uint64_t question;
    struct event *patience;
    struct peer *asker; /* whose peer.shadow it is */
    uint64_t serial;
};

const struct session *shadow_shown(const struct session *session)
{
    const struct shadow *shadow = session->shadows;
    return shadow != NULL && shadow->viewer != 0 ? shadow->shown : NULL;
}

const struct session *shadow_looking(const struct session *session, bool *control_r)
{
    const struct shadow *shadow = session->shadower;
    if (shadow == NULL || shadow->viewer == 0)
        return NULL;
    *control_r = shadow->control;
    return shadow->by;
}

static const char *how(bool control)
{
    return control ? "with control" : "looking on";
}

static void tell(struct shadow *shadow, enum event_id id, enum reason reason, const char *more)
{
    struct session *shown = shadow->shown, *by = shadow->by;
    char detail[ABOUT_ROOM + 128];
    snprintf(detail, sizeof(detail), "by session %u of %s, %s%s", by->id, by->name, how(shadow->control),
             more);
    record_event(shown->broker, id, shown->id, shown->name, by->client.address, reason, detail);
    if (id == EVENT_SHADOW_REFUSED)
        return;
    watch_shadowed(shown, id == EVENT_SHADOW_START, reason, detail);
    snprintf(detail, sizeof(detail), "of session %u of %s, %s%s", shown->id, shown->name,
             how(shadow->control), more);
    watch_shadowed(by, id == EVENT_SHADOW_START, reason, detail);
}

/* From here on nobody knows of it but the caller. */
static void unlink_shadow(struct shadow *shadow)
{
    shadow->shown->shadower = NULL;
    shadow->by->shadows = NULL;
    if (shadow->asker != NULL)
        shadow->asker->shadow = NULL;
    if (shadow->patience != NULL)
        event_free(shadow->patience);
    shadow->patience = NULL;
}

/* Who asked is answered why not. */
static void refuse(struct shadow *shadow, enum reason reason, const char *detail)
{
    struct peer *asker = shadow->asker;
    uint64_t serial = shadow->serial;
    unlink_shadow(shadow);
    if (shadow->question != 0)
        link_send_cancel(shadow->shown, shadow->question);
    tell(shadow, EVENT_SHADOW_REFUSED, reason, "");
    free(shadow);
    if (asker != NULL)
        peer_refuse(asker, serial, reason, detail);
}

/* Tells the worker of the client that looks: a session with the viewer's end of its channel, or the end. */
static void tell_worker(struct peer *worker, const struct shadow *shadow, enum reason reason, int channel)
{
    Lodge__Lsm__ShadowChannel told = LODGE__LSM__SHADOW_CHANNEL__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    told.session = channel >= 0 ? shadow->shown->id : 0;
    told.viewer = shadow->viewer;
    told.control = shadow->control;
    told.hotkey = shadow->hotkey;
    told.modifiers = shadow->modifiers;
    answer.reason = reason;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SHADOW_CHANNEL;
    answer.shadow_channel = &told;
    peer_answer(worker, worker->shadow_serial, &answer, channel);
}

/* Ends one that goes on. Both sides are told, so that it is over whatever one of them does. */
static void stop(struct shadow *shadow, enum reason reason, const char *more)
{
    struct session *by = shadow->by;
    unlink_shadow(shadow);
    link_send_detach(shadow->shown, shadow->viewer, reason, NULL);
    if (by->state == SESSION_SHADOW) {
        session_move(by, SESSION_LOOKS_BACK, REASON_NONE, NULL);
        limits_session_input(by, (uint64_t)clock_monotonic_ms());
    }
    tell(shadow, EVENT_SHADOW_STOP, reason, more);
    if (by->worker != NULL && by->worker->shadow_serial != 0)
        tell_worker(by->worker, shadow, reason, -1);
    free(shadow);
}

static void end(struct shadow *shadow, enum reason reason, const char *detail)
{
    if (shadow == NULL)
        return;
    if (shadow->viewer != 0)
        stop(shadow, reason, "");
    else
        refuse(shadow, REASON_WRONG_STATE, detail);
}

/* Has the agent take a viewer. Returns the viewer's end of its channel, or a negative errno. */
static int make_channel(struct shadow *shadow)
{
    struct winstation_shadow told = {.control = shadow->control};
    int failed = link_draw_viewer(&told.viewer);
    if (failed)
        return failed;
    int channel = link_send_channel(shadow->shown, WINSTATION_SHADOW, &told);
    if (channel >= 0)
        shadow->viewer = told.viewer;
    return channel;
}

static void answer_begun(struct peer *peer, uint64_t serial, bool control)
{
    Lodge__Lsm__Shadowing shadowing = LODGE__LSM__SHADOWING__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    shadowing.control = control;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SHADOWING;
    answer.shadowing = &shadowing;
    peer_answer(peer, serial, &answer, -1);
}

static void begin(struct shadow *shadow)
{
    struct peer *asker = shadow->asker, *worker = shadow->by->worker;
    int channel = make_channel(shadow);
    if (channel < 0) {
        refuse(shadow, REASON_WRONG_STATE, "Its display agent does not take it.");
        return;
    }
    asker->shadow = NULL;
    shadow->asker = NULL;
    if (shadow->patience != NULL)
        event_free(shadow->patience);
    shadow->patience = NULL;
    session_move(shadow->by, SESSION_LOOKS_AWAY, REASON_NONE, NULL);
    tell(shadow, EVENT_SHADOW_START, REASON_NONE, shadow->asked ? ", allowed by the person" : ", unasked");
    answer_begun(asker, shadow->serial, shadow->control);
    tell_worker(worker, shadow, REASON_NONE, channel); /* last: a worker that does not read is dropped */
    close_descriptor(&channel);
}

static void on_patience_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    refuse(context, REASON_SHADOW_REFUSED, "There was no answer.");
}

/* Asks the person. Returns false where that is not possible. */
static bool ask(struct shadow *shadow)
{
    struct session *shown = shadow->shown, *by = shadow->by;
    struct winstation_message message = {.style = STYLE, .timeout_s = CONSENT_S};
    const struct timeval patience = {.tv_sec = CONSENT_S + CONSENT_MORE_S};
    message.serial = shadow->question = ++shown->broker->message_number;
    snprintf(message.title, sizeof(message.title), "Remote control");
    snprintf(message.text, sizeof(message.text), "%s at %s wants to %s. Do you allow that?", by->name,
             by->client.name[0] != '\0' ? by->client.name : by->client.address,
             shadow->control ? "see your desktop and use it together with you" : "see your desktop");
    shadow->patience = evtimer_new(shown->broker->base, on_patience_over, shadow);
    return shadow->patience != NULL && evtimer_add(shadow->patience, &patience) == 0 &&
           link_send(shown, WINSTATION_MESSAGE, &message);
}

bool shadow_answered(struct session *session, uint64_t number, uint32_t response)
{
    struct shadow *shadow = session->shadower;
    if (shadow == NULL || shadow->viewer != 0 || number == 0 || shadow->question != number)
        return false;
    shadow->question = 0; /* it is not there any more to be taken away */
    shadow->asked = true;
    if (response == ID_YES)
        begin(shadow);
    else
        refuse(shadow, REASON_SHADOW_REFUSED, response == 0 ? "The session could not ask." : "");
    return true;
}

/* Why the client of `by` cannot be shown `shown` now, or NULL. */
static const char *cannot(const struct session *shown, const struct session *by)
{
    if (shown == by)
        return "It is the same session.";
    if (shown->load_test || by->load_test)
        return "Virtual sessions have no clients.";
    if (by->state == SESSION_SHADOW || by->shadows != NULL)
        return "That client is shown another session already.";
    if (by->state != SESSION_ACTIVE || by->worker == NULL || by->pending != NULL)
        return "Nobody is connected to the session whose client it is to be.";
    if (by->worker->shadow_serial == 0)
        return "That client cannot be shown another session at the moment.";
    if (shown->state == SESSION_SHADOW)
        return "Its own client is shown another session.";
    if (shown->state != SESSION_ACTIVE || shown->viewer == 0)
        return "Nobody is connected to it.";
    if (shown->shadower != NULL)
        return "It is shadowed already, or its person is being asked.";
    if (!link_can_attach(shown))
        return "Its display agent cannot be reached at the moment.";
    return link_agent_can(shown, WINSTATION_CAN_SHADOW)
               ? NULL
               : "It was begun before the upgrade to a version that can shadow; a new session can be.";
}

/* Takes the key that ends it. */
static bool take_hotkey(const Lodge__Lsm__ShadowRequest *asked, struct shadow *shadow)
{
    shadow->hotkey = asked->hotkey != 0 ? asked->hotkey : HOTKEY;
    shadow->modifiers = asked->hotkey != 0 ? asked->modifiers : HOTKEY_CTRL;
    return shadow->hotkey <= HOTKEY_MOST && shadow->modifiers <= MODIFIERS_MOST;
}

/* `shadow` is what is asked for: a copy is begun, or the person is asked about it. */
static void start(struct peer *peer, const struct shadow *asked, bool consent)
{
    struct shadow *shadow = malloc(sizeof(*shadow));
    if (shadow == NULL) {
        peer_refuse(peer, asked->serial, REASON_INTERNAL, "");
        return;
    }
    *shadow = *asked;
    shadow->asker = peer;
    peer->shadow = shadow;
    shadow->shown->shadower = shadow;
    shadow->by->shadows = shadow;
    if (!consent)
        begin(shadow);
    else if (!ask(shadow))
        refuse(shadow, REASON_WRONG_STATE, "The session cannot be asked at the moment.");
}

void call_shadow(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__ShadowRequest *asked = request->shadow;
    struct shadow shadow = {.serial = request->serial};
    struct shadow_verdict verdict;
    (void)descriptor;
    shadow.shown = methods_take_session(peer, request->serial, asked->session);
    shadow.by = shadow.shown != NULL ? methods_take_session(peer, request->serial, asked->from) : NULL;
    if (shadow.by == NULL)
        return;
    const char *problem = cannot(shadow.shown, shadow.by);
    if (peer->shadow != NULL)
        problem = "Another person is being asked for this connection.";
    if ((unsigned)asked->mode > SHADOW_VIEW || !take_hotkey(asked, &shadow)) {
        peer_refuse(peer, request->serial, REASON_BAD_REQUEST, "There is no such mode, or no such key.");
        return;
    }
    if (problem != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, problem);
        return;
    }
    shadow_judge(&verdict, shadow.shown->limits.shadow, (enum shadow_mode)asked->mode);
    shadow.control = verdict.control;
    if (verdict.refusal != NULL) {
        tell(&shadow, EVENT_SHADOW_REFUSED, REASON_FORBIDDEN, "");
        peer_refuse(peer, request->serial, REASON_FORBIDDEN, verdict.refusal);
        return;
    }
    start(peer, &shadow, verdict.consent);
}

void call_shadow_stop(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->shadow_stop->session);
    char by[48];
    (void)descriptor;
    if (session == NULL)
        return;
    struct shadow *shadow = session->shadower != NULL ? session->shadower : session->shadows;
    if (shadow == NULL || shadow->viewer == 0) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "It is not shadowed, and shadows no other.");
        return;
    }
    if (peer->role != ROLE_ADMIN && shadow->shown == session && !shadow->asked) {
        peer_refuse(peer, request->serial, REASON_FORBIDDEN, "The configuration has it go on unasked.");
        return;
    }
    snprintf(by, sizeof(by), ", ended by uid %u", (unsigned)peer->uid);
    stop(shadow, REASON_NONE, by);
    peer_done(peer, request->serial);
}

/* What an earlier broker began ended with it: its worker says so, and the history gets its end. */
static void record_lost(struct peer *peer, uint32_t id)
{
    const struct session *shown = session_find(peer->broker, id), *by = peer->session;
    char detail[ABOUT_ROOM];
    snprintf(detail, sizeof(detail), "by session %u of %s", by->id, by->name);
    if (shown != NULL)
        record_event(peer->broker, EVENT_SHADOW_STOP, shown->id, shown->name, by->client.address,
                     REASON_NO_BROKER, detail);
}

void call_shadow_channel(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__ShadowChannelRequest *over = request->shadow_channel;
    (void)descriptor;
    if (peer->session == NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "This connection has no session.");
        return;
    }
    bool first = peer->shadow_serial == 0;
    struct shadow *shadow = peer->session->shadows;
    peer->shadow_serial = request->serial;
    if (over->viewer == 0)
        return;
    if (shadow != NULL && shadow->viewer == over->viewer) {
        stop(shadow, REASON_NONE, ", ended by its client");
        return;
    }
    if (first)
        record_lost(peer, over->session);
    tell_worker(peer, &(struct shadow){.viewer = over->viewer}, REASON_NONE, -1);
}

bool shadow_viewer_gone(struct session *session, uint64_t viewer)
{
    struct shadow *shadow = session->shadower;
    if (shadow == NULL || shadow->viewer == 0 || shadow->viewer != viewer)
        return false;
    stop(shadow, REASON_NONE, ", ended by its client");
    return true;
}

void shadow_agent_gone(struct session *session)
{
    end(session->shadower, REASON_DISPLAY_FAILED, "Its display agent ended.");
}

void shadow_session_moved(struct session *session, enum session_event event, enum reason reason)
{
    if (event != SESSION_ATTACHES && event != SESSION_LEFT && event != SESSION_ENDS)
        return;
    if (event == SESSION_ATTACHES)
        reason = REASON_TAKEN_OVER;
    end(session->shadower, reason, "Its client went away.");
    end(session->shadows, reason, "The client that it was to be shown to went away.");
}

void shadow_session_over(struct session *session, enum reason reason)
{
    end(session->shadower, reason, "It ended.");
    end(session->shadows, reason, "The session whose client it was to be ended.");
}

static void forget(struct shadow *shadow)
{
    if (shadow == NULL)
        return;
    unlink_shadow(shadow);
    free(shadow);
}

void shadow_forget(struct session *session)
{
    forget(session->shadower);
    forget(session->shadows);
}

void shadow_policy_changed(struct session *session)
{
    struct shadow *shadow = session->shadower;
    struct shadow_verdict verdict;
    if (shadow == NULL)
        return;
    shadow_judge(&verdict, session->limits.shadow, shadow->control ? SHADOW_CONTROL : SHADOW_VIEW);
    if (verdict.refusal != NULL)
        end(shadow, REASON_FORBIDDEN, "The configuration has changed.");
}

void shadow_peer_gone(struct peer *peer)
{
    if (peer->shadow == NULL)
        return;
    struct shadow *shadow = peer->shadow;
    shadow->asker = NULL;
    peer->shadow = NULL;
    refuse(shadow, REASON_CLIENT_GONE, "");
}
