/* What the files of the worker share. Inside of rdp-front alone. */
#pragma once

#include <event2/event.h>
#include <freerdp/freerdp.h>
#include <freerdp/peer.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/reason.h"
#include "rdp-front/graphics.h"
#include "rdp-front/redirect.h"
#include "rdp-front/screen.h"
#include "rdp-front/virtual-channel.h"
#include "rdp-front/worker.h"
#include "rpc/credentials.h"
#include "rpc/lsm.h"
#include "rpc/winstation.h"

enum stage {
    STAGE_CONNECTING,   /* the protocol's hands are being shaken; no credentials yet */
    STAGE_LOGON_SCREEN, /* the person is typing */
    STAGE_LOGGING_ON,   /* the broker has been asked */
    STAGE_ASKING,       /* the person has been asked whether to take a session over */
    STAGE_ATTACHED,     /* a session is there, its channel may be away for a moment */
    STAGE_NOTICE,       /* it is over; the person reads why, or will once activated */
    STAGE_CLOSING,      /* the last bytes are going out */
    STAGE_DONE,
};

enum pending { PENDING_NONE, PENDING_LOGON, PENDING_ATTACH, PENDING_ANNOUNCE };

#define CHANNEL_QUEUE 256

/* A small message that waits for room in the winstation channel. */
struct waiting_input {
    uint16_t number;
    union {
        struct winstation_key key;
        struct winstation_text text;
        struct winstation_mouse mouse;
        struct winstation_locks locks;
        struct winstation_frame_done frame_done;
        struct winstation_suppress suppress;
        struct winstation_resize resize;
        struct winstation_redirect_wanted redirect_wanted;
    } body;
};

/* The session's frame memory, mapped read-only. */
struct frame {
    uint8_t *pixels; /* NULL: none */
    size_t size;
    unsigned width, height;
    size_t stride;
};

/* A winstation channel to a display agent, and what came through it. */
struct channel {
    struct worker *worker;
    int fd; /* -1: none */
    struct event *readable, *writable;
    struct waiting_input queue[CHANNEL_QUEUE];
    size_t queue_first, queue_count;
    bool queue_overflowed;
    bool owes; /* a FRAME_DONE */
    struct frame frame;
};

/* Another session that the client is shown instead of its own (worker-shadow.c). */
struct shadow {
    struct channel channel; /* fd -1: there is none */
    uint64_t serial;        /* of the request that brings them; 0: not asked */
    uint32_t session;       /* the one that is shown, or was and no broker has said yet that it knows */
    uint64_t viewer;        /* likewise; 0: none */
    bool control;           /* else the client's input goes nowhere */
    struct {
        unsigned scancode; /* with bit 8: an extended one */
        unsigned modifiers;
    } hotkey;      /* ends it */
    unsigned held; /* modifiers that are down now */
};

struct client_facts {
    char name[64], address[64], product[32], user[CREDENTIALS_USER_MAX + 1];
    uint32_t width, height, keyboard_layout, build;
};

/* The Display Control channel. */
struct display_control {
    struct virtual_channel channel;
    struct event *event;
    bool told;              /* the client knows what it may ask for */
    bool failed;            /* it is not used any more */
    uint16_t width, height; /* what the client asked for last; 0: nothing */
};

struct worker {
    struct worker_setup *setup;
    enum stage stage;
    struct client_facts facts;
    struct event_base *base;
    struct event *deadline, *notice_timer, *tick;

    int control;
    struct event *control_event;

    /* RDP */
    freerdp_peer *peer;
    HANDLE vcm;
    int socket; /* the peer's */
    struct event *peer_read[4], *peer_write, *vcm_event, *graphics_event;
    bool peer_due;       /* something to read */
    bool activated_once; /* graphics may be used */
    bool logon_told;     /* Save Session Info has been sent */
    bool capabilities_seen;
    struct graphics *graphics;
    struct display_control display;
    struct redirects *redirects;
    struct screen *screen; /* what is shown while no session is; NULL: none */
    bool screen_shown;
    char codec[32];          /* the last that the broker was told */
    uint32_t redirects_told; /* likewise */
    struct {
        struct event *timer;
        bool looked;             /* in this turn */
        uint64_t sent, received; /* the last that the broker was told */
    } traffic;

    /* logon */
    unsigned tries;
    int credentials; /* the pipe, until it is sent */
    bool crowd_told; /* that it has to wait for others' descriptors */

    /* lsm.port */
    int lsm;
    struct event *lsm_event;
    uint64_t serial; /* of the last request */
    enum pending pending;
    uint64_t pending_serial;

    /* the session */
    uint32_t session;
    uint64_t viewer;
    struct channel channel;
    struct shadow shadow;
    struct channel *drawn; /* whose frame memory the client is shown; NULL: none */
    unsigned reattachments;
    int64_t reattachments_since_ms;
    uint16_t mouse_x, mouse_y;
    uint8_t buttons, locks;
    bool suppressed;

    enum reason end_reason;
    char end_detail[512];
};

/* worker.c: moves between stages */

/* It is over, for this reason: tells the person in the way the reason needs, then closes. `detail` may be
 * NULL. The first reason stays. */
void worker_end(struct worker *worker, enum reason reason, const char *detail);
/* The person has seen the notice. */
void worker_notice_read(struct worker *worker);
/* The client can be shown something, for the first time. */
void worker_activated(struct worker *worker);
/* The first session is there: no deadline any more. */
void worker_logged_on(struct worker *worker);
/* Shows the screen (the logon screen or a notice) to the client as soon as it can be. */
void worker_show_screen(struct worker *worker);
/* The screen that Lodge draws itself, made when it is not there. NULL where memory is short. */
struct screen *worker_screen(struct worker *worker);

/* worker-peer.c: the RDP side */

/* Takes the client's socket. Returns false when the library refuses. */
bool peer_open(struct worker *worker, int socket);
/* Reads what is there. False: the client is gone or broke the protocol. */
bool peer_pump(struct worker *worker);
/* What is sent between the two goes out together at the end: a client that looks for the next part of an
 * answer and does not find it yet may sleep on it (xfreerdp 2: for 100 ms). No effect before the TLS
 * handshake is over, which waits for the client in the middle. */
void peer_gather(struct worker *worker);
void peer_release(struct worker *worker);
/* Arranges which descriptors wake the loop. */
void peer_arrange(struct worker *worker);
/* Tells the client that the person is logged on. */
void peer_tell_logon(struct worker *worker);
/* Sends the reason's error info and the protocol's farewell. */
void peer_say_goodbye(struct worker *worker, enum reason reason);
void peer_close(struct worker *worker);

/* worker-input.c: the client's input to the screen or the session */
void input_open(struct worker *worker, rdpInput *input);

/* worker-logon.c */

/* The client's settings have come: logs on with what they hold, or asks the person. */
void logon_from_settings(struct worker *worker);
/* The person may have submitted the logon screen. */
void logon_from_screen(struct worker *worker);
/* Sends the logon request once both pipe and broker are there. */
void logon_send(struct worker *worker);
/* Somebody is connected to the person's session: asks them. */
void logon_ask(struct worker *worker, const Lodge__Lsm__TakeOverQuestion *question);
/* The person may have answered that. */
void logon_from_question(struct worker *worker);
void logon_refused(struct worker *worker, enum reason reason, const char *detail);

/* worker-lsm.c: the broker */

/* Takes a new connection to lsm.port. */
void broker_open(struct worker *worker, int fd);
void broker_close(struct worker *worker);
/* Asks for the viewer's end of a new channel to our session. */
void broker_attach(struct worker *worker);
/* Sends `logon` with the credentials pipe. Returns 0 or a negative errno. */
int broker_logon(struct worker *worker);
/* Tells what the person said to the question that came instead of an answer. */
void broker_take_over(struct worker *worker, bool yes);
/* Tells the broker when codec or redirections have been settled or have changed. */
void broker_tell_codec(struct worker *worker);

/* Asks what is to be shown instead of the session, and tells what is so no more. *serial_r is the request's;
 * it is left alone when the broker cannot be asked now. */
void broker_ask_shadow(struct worker *worker, uint64_t viewer, uint32_t session, uint64_t *serial_r);
/* Returns false when the broker cannot be told now. */
bool broker_tell_traffic(struct worker *worker, Lodge__Lsm__Traffic *traffic);

/* worker-traffic.c: bytes, frames, round trip */
void traffic_open(struct worker *worker);
/* Once in each turn. */
void traffic_poll(struct worker *worker);
/* The broker is a new one, who knows nothing. */
void traffic_forget(struct worker *worker);
void traffic_close(struct worker *worker);

/* worker-channel.c: the session, and another that is shown instead */
/* Takes `fd`, the viewer's end. */
void channel_open(struct channel *channel, int fd);
void channel_close(struct channel *channel);
/* Likewise, and unmaps its frame memory, which must not be drawn any more. */
void channel_finish(struct channel *channel);
/* Begins to read once the client is active. */
void channel_start(struct channel *channel);
/* The one that the client sees, and where its input goes. */
struct channel *channel_shown(struct worker *worker);
/* Has the client be shown this channel's frame memory. */
void channel_draw(struct channel *channel);
/* Nothing is sent where no DAMAGE has come since the last. */
void channel_frame_done(struct channel *channel);
void channel_key(struct channel *channel, unsigned flags, unsigned scancode);
void channel_text(struct channel *channel, bool down, uint16_t unit);
/* Position and buttons are the worker's; wheel turns in 1/120. */
void channel_mouse(struct channel *channel, int wheel, int horizontal_wheel);
void channel_locks(struct channel *channel, unsigned locks);
void channel_suppress(struct channel *channel, bool suppressed);
/* Asks the client's own session for the size that the client has asked for. */
void channel_resize(struct worker *worker);
/* Has the program of this kind of redirection be started. */
void channel_redirect(struct worker *worker, unsigned kind, uint32_t bits);

/* worker-shadow.c: the client is shown another session instead of its own */

/* Asks the broker what is to be shown, where that is not under way, and tells it what is over; the next
 * broker again, where this one ends before it has answered that. */
void shadow_listen(struct worker *worker);
void shadow_broker_lost(struct worker *worker);
/* An answer to that question; may take the descriptor. */
void shadow_take(struct worker *worker, const Lodge__Lsm__Answer *answer, int *fd);
/* Where the client's input goes: to the channel that is shown, or NULL: nowhere. */
struct channel *shadow_input(struct worker *worker);
/* Looks at a key of the client's. True: it has ended the shadowing, and goes no further. */
bool shadow_is_hotkey(struct worker *worker, unsigned flags, unsigned scancode);
/* The client sees its own session again. Nothing happens where it does. */
void shadow_over(struct worker *worker, const char *why);

/* worker-display-control.c: the size that the client wants */

/* Once in each turn, while the client is active; `on_wake` is what its event calls. */
void display_control_poll(struct worker *worker, event_callback_fn on_wake);
void display_control_close(struct worker *worker);

/* worker-control.c: the listener */
void control_open(struct worker *worker, int fd);
void control_want_broker(struct worker *worker);
void control_logged_on(struct worker *worker);
