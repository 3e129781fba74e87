/* lodge-clipboard: the clipboard of a session's X server, and what the client has on its own, by way of the
 * worker (rpc/clipboard.h). CLIPBOARD alone: what is merely selected (PRIMARY) stays in the session. Data
 * goes over when somebody pastes, not before. Parts: owner (the client has it, the session's programs paste),
 * asker (a program of the session has it), link (the socket to the worker). */
#pragma once

#include <xcb/xcb.h>

#include "redirect/clipboard-formats.h"

#define WANTS_MOST     64    /* requests of programs that are under way */
#define PAIRS_MOST     32    /* in one MULTIPLE */
#define WAITING_MOST   256   /* packets for a worker that does not read */
#define CLIENT_WAIT_MS 60000 /* for the client's data: up to CLIPBOARD_MOST over its line */
#define OWNER_WAIT_MS  10000 /* for the program that has the clipboard, and for each piece of its data */
#define TAKER_WAIT_MS  30000 /* for a program to take the next piece */
#define PROPERTIES     8     /* in turn, so that a late answer is not taken for that to a later question */
#define PIECE_MOST     (256u << 10)
#define NEVER          INT64_MAX

enum atom {
    ATOM_CLIPBOARD,
    ATOM_TARGETS,
    ATOM_TIMESTAMP,
    ATOM_MULTIPLE,
    ATOM_PAIR,
    ATOM_INCR,
    ATOM_TIME,
    ATOM_SECRET,
    ATOM_PROPERTY,
    ATOMS = ATOM_PROPERTY + PROPERTIES
};

/* MULTIPLE: several conversions with one answer. In the owner's list until owner_reap() after that. */
struct multiple {
    struct multiple *next;
    xcb_window_t requestor;
    xcb_atom_t property, target;
    xcb_timestamp_t time;
    xcb_atom_t pairs[2 * PAIRS_MOST];
    size_t count, left; /* pairs; those without an answer */
};

/* One conversion that a program has asked for. requestor 0: the place is free. */
struct want {
    xcb_window_t requestor;
    xcb_atom_t target, property, type;
    xcb_timestamp_t time;
    clipboard_converter *convert;
    int fetch;   /* the format's index that it waits for; -1: the data is there, and goes in pieces */
    bool ending; /* the empty piece has been written */
    struct clipboard_data data;
    int64_t deadline_ms;
    struct multiple *multiple; /* NULL: alone */
    size_t pair;
};

/* Data of one format that comes from the client, for all who want it. serial 0: none. */
struct fetch {
    uint32_t serial;
    struct clipboard_data data;
    int64_t deadline_ms;
};

struct owner {
    uint32_t offer; /* what the client has; 0: nothing, the clipboard is not ours */
    bool taking, owns;
    xcb_timestamp_t since;
    struct want wants[WANTS_MOST];
    struct multiple *multiples;
    struct fetch fetches[CLIPBOARD_FORMATS];
    uint32_t serial;
};

/* Data that a program of the session is asked for. */
struct asking {
    bool busy, incremental;
    uint32_t serial;
    xcb_atom_t property;
    clipboard_converter *convert;
    struct clipboard_data data; /* total: the room that there is */
    int64_t deadline_ms;
};

struct asker {
    uint32_t sources; /* bits of clipboard_sources that the program has */
    bool looking, again, early;
    xcb_atom_t property; /* of the question for its targets */
    int64_t deadline_ms;
    struct asking asking;
    unsigned turn; /* of the properties */
};

struct waiting {
    struct waiting *next;
    struct clipboard_packet packet;
};

struct link {
    int fd;
    struct waiting *first, **last;
    size_t count;
    bool broken;                /* the worker reads too little: it is given up */
    struct clipboard_data data; /* that goes to the worker in pieces */
    uint32_t serial;
};

struct clip {
    uint32_t bits;
    xcb_connection_t *x;
    xcb_window_t window, root;
    uint8_t fixes_event;
    size_t piece; /* bytes that one request writes */
    xcb_atom_t atoms[ATOMS], targets[CLIPBOARD_TARGETS], types[CLIPBOARD_TARGETS], sources[CLIPBOARD_SOURCES];
    struct owner owner;
    struct asker asker;
    struct link link;
};

/* clipboard-x.c. Returns NULL, or what is wrong. */
const char *clip_open(struct clip *clip, uint32_t bits, int fd);
void clip_close(struct clip *clip);
/* Serves until the worker or the X server has gone, or `end_fd` can be read. Returns the exit status. */
int clip_run(struct clip *clip, int end_fd);
/* The value of a property of any type, which is deleted; NULL: there is none, or it is longer than `most`. */
xcb_get_property_reply_t *clip_take_property(struct clip *clip, xcb_window_t window, xcb_atom_t property,
                                             size_t most);

/* clipboard-link.c */
void link_init(struct link *link, int fd);
void link_finish(struct link *link);
/* Sends a packet without data, or has it wait. */
void link_send(struct link *link, uint8_t type, uint32_t serial, uint32_t number, bool early);
/* Takes *data and sends it as the answer to `serial`. */
void link_send_data(struct link *link, uint32_t serial, struct clipboard_data *data);
bool link_waits(const struct link *link);
/* Sends what waits, as far as the worker reads. False: it has gone. */
bool link_flush(struct link *link);
/* Reads what has come. False: the worker has gone, or says nonsense. */
bool link_read(struct clip *clip);

/* clipboard-owner.c */
void owner_on_offer(struct clip *clip, uint32_t offer);
void owner_on_time(struct clip *clip, xcb_timestamp_t time);
void owner_on_clear(struct clip *clip);
void owner_on_request(struct clip *clip, const xcb_selection_request_event_t *event);
/* A property of a requestor's was deleted: it takes the next piece. */
void owner_on_taken(struct clip *clip, xcb_window_t requestor, xcb_atom_t property);
void owner_on_destroyed(struct clip *clip, xcb_window_t requestor);
const char *owner_on_data(struct clip *clip, const struct clipboard_packet *packet);
void owner_on_fail(struct clip *clip, uint32_t serial);
int64_t owner_deadline(const struct clip *clip);
void owner_on_deadline(struct clip *clip, int64_t now_ms);
/* Once in each turn: frees what has been answered. */
void owner_reap(struct clip *clip);
void owner_finish(struct clip *clip);

/* clipboard-asker.c */
void asker_on_owner(struct clip *clip, xcb_window_t owner, bool early);
void asker_on_notify(struct clip *clip, const xcb_selection_notify_event_t *event);
void asker_on_piece(struct clip *clip, xcb_atom_t property);
void asker_on_ask(struct clip *clip, const struct clipboard_packet *packet);
int64_t asker_deadline(const struct clip *clip);
void asker_on_deadline(struct clip *clip, int64_t now_ms);
void asker_finish(struct clip *clip);
