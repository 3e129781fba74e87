/* liblodge: asking Lodge's Local Session Manager about sessions, and acting on them. See liblodge(3).
 *
 * Ownership: what a function gives in a parameter that ends in _r is the caller's, and is freed with the
 * function that its comment names, which takes NULL too. It is complete in itself: it outlives the
 * connection. On failure such a parameter is left as it was. Texts are never NULL, end with NUL, and are as
 * the server gives them: parts come from clients and users, so escape them before they go to a terminal.
 *
 * Threads: the library has no state of its own. One connection serves one thread at a time; different ones,
 * and results, may be used by different threads at once. Calls block, at most LODGE_ANSWER_MS where their
 * comment says nothing else. Connections are closed on exec; after fork one of the two processes may use one.
 *
 * Errors: functions that can fail return 0 when it was done, above 0 the reason for which the server refused
 * it (lodge_reason_name; the connection can be used further), and below 0 a negative errno: -ENOENT or
 * -ECONNREFUSED where no server is, -ETIMEDOUT for no answer in time, -EPIPE when the server ended the
 * connection, -EPROTO for what cannot be understood, -EINVAL for what no server is asked. After a negative
 * errno other than -EINVAL from a call the connection is of no more use: calls fail with -ENOTCONN, close it.
 */
#ifndef LODGE_H
#define LODGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LODGE_API       __attribute__((visibility("default")))
#define LODGE_ANSWER_MS 10000

/* Reasons that programs act on; the others have names alone. */
enum lodge_reason {
    LODGE_REASON_NONE = 0,
    LODGE_REASON_NO_SESSION = 21,
    LODGE_REASON_FORBIDDEN = 22,
    LODGE_REASON_BAD_REQUEST = 23,
    LODGE_REASON_TIMED_OUT = 25,
    LODGE_REASON_WRONG_STATE = 28,
    LODGE_REASON_NO_PROCESS = 40,
};

/* Why a call failed. */
struct lodge_error {
    int code;       /* what the function returned */
    char text[508]; /* a sentence in English, with what more the server said; without control characters */
};

/* The WTS connection states, in the order of WTS_CONNECTSTATE_CLASS. */
enum lodge_state {
    LODGE_ACTIVE,
    LODGE_CONNECTED,
    LODGE_CONNECT_QUERY,
    LODGE_SHADOW,
    LODGE_DISCONNECTED,
    LODGE_IDLE,
    LODGE_LISTEN,
    LODGE_RESET,
    LODGE_DOWN,
    LODGE_INIT,
};

#define LODGE_GONE (-1) /* to lodge_wait: nothing is left of the session */

/* What happened to a session. There may come further kinds. */
enum lodge_kind {
    LODGE_NOTICE_UNKNOWN,
    LODGE_NOTICE_CREATE,     /* it is there */
    LODGE_NOTICE_LOGON,      /* it was made for somebody who has just logged on */
    LODGE_NOTICE_CONNECT,    /* a client is connected, the first */
    LODGE_NOTICE_START,      /* the desktop is there */
    LODGE_NOTICE_DISCONNECT, /* the client is gone */
    LODGE_NOTICE_RECONNECT,  /* a client is connected again, or another took the session over */
    LODGE_NOTICE_LOGOFF,     /* its end has begun */
    LODGE_NOTICE_TERMINATE,  /* nothing of it is left */
    LODGE_NOTICE_REFUSE,     /* a logon was refused */
    LODGE_NOTICE_LIMIT,      /* a logon was refused for a limit, or a session came to one */
    LODGE_NOTICE_LOCK,       /* the desktop was locked */
    LODGE_NOTICE_UNLOCK,
    LODGE_NOTICE_LICENCE, /* a licence was issued or revoked, or somebody was let in without */
};

/* Whether new sessions are made. */
enum lodge_drain {
    LODGE_DRAIN_UNCHANGED, /* to lodge_drain: the mode is only asked for */
    LODGE_DRAIN_OFF,
    LODGE_DRAIN_RECONNECTS,    /* no; who has a session gets it back */
    LODGE_DRAIN_UNTIL_RESTART, /* likewise, until lodge-smss is started anew */
};

/* The structs below are made by the library alone. Later versions may add members at their ends. */

struct lodge_client {
    const char *name;         /* its computer's name, as it says */
    const char *address;      /* ADDRESS:PORT */
    uint32_t width, height;   /* the desktop that it asked for, pixels */
    uint32_t keyboard_layout; /* a Windows layout id, as 0x407 */
    uint32_t build;
    const char *codec;
    const char *security;
    const char
        *platform; /* what it runs on, as it says: "windows", "macos", "unix", "ios" ...; "": not known */
    const char *product; /* its product id, as it says */
};

struct lodge_session {
    uint32_t id;
    enum lodge_state state;
    const char *user;
    uint32_t uid;
    bool lab;                          /* a lab account */
    const struct lodge_client *client; /* attached now, or last; never NULL */
    uint64_t logon_ms;                 /* these since 1970; 0: never */
    uint64_t connect_ms;
    uint64_t disconnect_ms;
    uint64_t now_ms;      /* the server's clock when it answered */
    uint64_t input_ms;    /* the person's last input, connecting counts; idle since then. 0: not known */
    bool locked;          /* the desktop */
    const char *terminal; /* its X display, ":0"; "": not known */
};

struct lodge_sessions {
    size_t count;
    const struct lodge_session *const *session; /* `count` of them, ids ascending */
    bool more;                                  /* there are further ones above the last id */
};

struct lodge_process {
    uint32_t pid, parent; /* on the host */
    uint32_t inside;      /* the number that the session's own programs see; 0: not known */
    const char *name;
    const char *command; /* the arguments, cut after 511 bytes */
    uint32_t uid;
    const char *user;    /* "": not known */
    const char *state;   /* one letter, as in proc(5) */
    uint64_t started_ms; /* since 1970 */
    uint64_t cpu_ms;     /* of the processors */
    uint64_t memory;     /* resident, bytes */
};

struct lodge_processes {
    size_t count;
    const struct lodge_process *const *process; /* pids ascending */
    bool more;                                  /* there are further ones above the last pid */
};

/* Of one client's connection, since its beginning. */
struct lodge_traffic {
    uint64_t sent, received; /* bytes on the wire */
    uint64_t frames;
    uint64_t pixels, coded; /* bytes of pixels that were shown, and what they were encoded to */
    uint32_t rtt_us;        /* the round trip */
};

struct lodge_use {
    uint32_t session;
    uint64_t cpu_ms;                     /* of the processors, since its beginning */
    uint64_t memory;                     /* bytes */
    uint32_t tasks;                      /* processes and threads */
    const struct lodge_traffic *traffic; /* of the client that is connected, as last reported; NULL: none */
};

struct lodge_usage {
    size_t count;
    const struct lodge_use *const *use; /* sessions ascending */
    bool more;                          /* there are further ones above the last session */
    uint64_t now_ms;                    /* the server's clock, for differences between two answers */
};

enum lodge_health_state {
    LODGE_HEALTH_OK,
    LODGE_HEALTH_WARNING,
    LODGE_HEALTH_FAILED,
};

struct lodge_check {
    const char *name; /* what was looked at, as "storage" */
    enum lodge_health_state state;
    const char *text;   /* what is so */
    const char *advice; /* what to do next; "" where all is well */
};

struct lodge_health {
    enum lodge_health_state state; /* the worst */
    size_t count;
    const struct lodge_check *const *check;
};

struct lodge_event {
    uint64_t serial, time_ms;
    uint32_t id; /* as in the Windows channel TerminalServices-LocalSessionManager; Lodge's own from 1000 */
    uint32_t session; /* 0: none */
    const char *user, *address, *reason, *detail;
};

struct lodge_events {
    size_t count;
    const struct lodge_event *const *event; /* oldest first */
    bool more;                              /* later ones are there */
};

struct lodge_notice {
    uint64_t sequence; /* of this subscription, from 1 on, rising by one */
    uint64_t time_ms;
    enum lodge_kind kind;
    uint32_t session;       /* 0: none */
    enum lodge_state state; /* the session's, afterwards */
    const char *user, *address, *reason, *detail;
};

struct lodge_notices {
    size_t count;
    const struct lodge_notice *const *notice;
    uint64_t lost; /* so many before the first of these are missing, since nobody took them: list anew */
};

struct lodge; /* a connection */

/* Connects to the server of the configuration file at `path`; NULL: /etc/lodge/lodge.conf. *lodge_r is the
 * caller's to close with lodge_close. `error` may be NULL here and everywhere. */
LODGE_API int lodge_open(const char *path, struct lodge **lodge_r, struct lodge_error *error);
/* The same by the path of the socket, as /run/lodge/ports/lsm.port. */
LODGE_API int lodge_open_port(const char *path, struct lodge **lodge_r, struct lodge_error *error);
/* NULL is fine. */
LODGE_API void lodge_close(struct lodge *lodge);

/* Whether the server answers. */
LODGE_API int lodge_ping(struct lodge *lodge, struct lodge_error *error);
/* The server's version in `version` (room for `size` bytes; -EINVAL where it does not fit) and the number of
 * its protocol. */
LODGE_API int lodge_version(struct lodge *lodge, char *version, size_t size, uint32_t *protocol_r,
                            struct lodge_error *error);

/* Sets the drain mode, and gives the one that there is then (mode_r may be NULL). For administrators. */
LODGE_API int lodge_drain(struct lodge *lodge, enum lodge_drain mode, enum lodge_drain *mode_r,
                          struct lodge_error *error);

/* A page of the sessions that the caller may see: those with ids above `after`, at most `limit` (0: 100, the
 * most). Freed with lodge_sessions_free. */
LODGE_API int lodge_list(struct lodge *lodge, uint32_t after, uint32_t limit,
                         struct lodge_sessions **sessions_r, struct lodge_error *error);
/* All of them, page by page: a session that is there throughout is in it once. Freed in the same way. */
LODGE_API int lodge_list_all(struct lodge *lodge, struct lodge_sessions **sessions_r,
                             struct lodge_error *error);
LODGE_API void lodge_sessions_free(struct lodge_sessions *sessions);
/* One session. Freed with lodge_session_free. */
LODGE_API int lodge_show(struct lodge *lodge, uint32_t session, struct lodge_session **session_r,
                         struct lodge_error *error);
LODGE_API void lodge_session_free(struct lodge_session *session);

/* Sends the client of a session away. LODGE_REASON_WRONG_STATE where nobody is connected. */
LODGE_API int lodge_disconnect(struct lodge *lodge, uint32_t session, struct lodge_error *error);
/* Begins the end of a session. */
LODGE_API int lodge_logoff(struct lodge *lodge, uint32_t session, struct lodge_error *error);

/* Has the desktop of a session lock its screen, and comes back when that holds. LODGE_REASON_WRONG_STATE
 * where nothing locks it. */
LODGE_API int lodge_lock(struct lodge *lodge, uint32_t session, struct lodge_error *error);
/* Has the client that is connected to session `from` connected to `session` instead; `from` is disconnected.
 * Comes back when that has begun. LODGE_REASON_WRONG_STATE where nobody is connected to `from`. */
LODGE_API int lodge_connect(struct lodge *lodge, uint32_t session, uint32_t from, struct lodge_error *error);

/* A page of the processes of a session: those with pids above `after`, at most `limit` (0: 100, the most).
 * Freed with lodge_processes_free. */
LODGE_API int lodge_processes(struct lodge *lodge, uint32_t session, uint32_t after, uint32_t limit,
                              struct lodge_processes **processes_r, struct lodge_error *error);
LODGE_API void lodge_processes_free(struct lodge_processes *processes);
/* Asks a process of a session to end, or with `kill` ends it; comes back when the signal is sent.
 * LODGE_REASON_NO_PROCESS where the session has none of that number, LODGE_REASON_FORBIDDEN for what the
 * session runs on. */
LODGE_API int lodge_terminate(struct lodge *lodge, uint32_t session, uint32_t pid, bool kill,
                              struct lodge_error *error);

/* What a session uses; with `session` 0 a page of all that the caller may see: those with ids above `after`,
 * at most `limit` (0: 100, the most). Freed with lodge_usage_free. */
LODGE_API int lodge_usage(struct lodge *lodge, uint32_t session, uint32_t after, uint32_t limit,
                          struct lodge_usage **usage_r, struct lodge_error *error);
LODGE_API void lodge_usage_free(struct lodge_usage *usage);

/* Whether the server is well. For administrators. Freed with lodge_health_free. */
LODGE_API int lodge_health(struct lodge *lodge, struct lodge_health **health_r, struct lodge_error *error);
LODGE_API void lodge_health_free(struct lodge_health *health);

/* What a message box was answered with, as in Windows. */
enum lodge_response {
    LODGE_RESPONSE_OK = 1,
    LODGE_RESPONSE_CANCEL,
    LODGE_RESPONSE_ABORT,
    LODGE_RESPONSE_RETRY,
    LODGE_RESPONSE_IGNORE,
    LODGE_RESPONSE_YES,
    LODGE_RESPONSE_NO,
    LODGE_RESPONSE_TIMEOUT = 32000,
    LODGE_RESPONSE_ASYNC = 32001, /* nobody waited for it */
};
/* Shows a message box to the person of a session: `title` (at most 255 bytes) and `text` (2047, it may have
 * lines) in UTF-8, `style` as MessageBox has it (0: an OK button), for `timeout_s` seconds (0: until it is
 * answered). With `wait` this call takes as long, and *response_r (may be NULL) is an enum lodge_response. */
LODGE_API int lodge_message(struct lodge *lodge, uint32_t session, const char *title, const char *text,
                            uint32_t style, uint32_t timeout_s, bool wait, uint32_t *response_r,
                            struct lodge_error *error);

/* Events whose serials are above `after`, the oldest first, at most `limit` (0: 100, the most); with `after`
 * 0 the last ones. For administrators. Freed with lodge_events_free. */
LODGE_API int lodge_events(struct lodge *lodge, uint64_t after, uint32_t limit,
                           struct lodge_events **events_r, struct lodge_error *error);
LODGE_API void lodge_events_free(struct lodge_events *events);

/* Waits until a session (or one of `user`, where `session` is 0; else NULL) is in `state`, an enum
 * lodge_state or LODGE_GONE, for `timeout_ms` at most (0: a minute; a day at most), then
 * LODGE_REASON_TIMED_OUT. *session_r (may be NULL) is the session. LODGE_REASON_NO_SESSION where it ends
 * before it comes to that state. */
LODGE_API int lodge_wait(struct lodge *lodge, uint32_t session, const char *user, int state,
                         uint32_t timeout_ms, uint32_t *session_r, struct lodge_error *error);

/* Makes the connection a subscription to what happens to the sessions that the caller may see: from now on it
 * takes lodge_next alone, and other calls fail with -EBUSY. Who lists the sessions on another connection
 * after this misses nothing. */
LODGE_API int lodge_subscribe(struct lodge *lodge, struct lodge_error *error);
/* Waits up to `timeout_ms` (below 0: for ever) for the next notices. -EAGAIN where none came: that is no
 * failure. Freed with lodge_notices_free. */
LODGE_API int lodge_next(struct lodge *lodge, int timeout_ms, struct lodge_notices **notices_r,
                         struct lodge_error *error);
LODGE_API void lodge_notices_free(struct lodge_notices *notices);
/* The descriptor to poll for POLLIN before lodge_next, the connection's own; -1 where it has failed. */
LODGE_API int lodge_descriptor(const struct lodge *lodge);

/* The name ("no-such-session") and the sentence of a reason. Static texts, for every number. */
LODGE_API const char *lodge_reason_name(int reason);
LODGE_API const char *lodge_reason_sentence(int reason);

#ifdef __cplusplus
}
#endif

#endif
