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
    LODGE_REASON_NO_LICENCE = 34,
    LODGE_REASON_BAD_CONFIGURATION = 37,
    LODGE_REASON_NO_PROCESS = 40,
    LODGE_REASON_NO_SUBSYSTEM = 43,
    LODGE_REASON_UPGRADE_REFUSED = 44,
    LODGE_REASON_SHADOW_REFUSED = 45,
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
    LODGE_NOTICE_LICENCE,      /* a licence was issued or revoked, or somebody was let in without */
    LODGE_NOTICE_SHADOW_START, /* it is shown to another client besides */
    LODGE_NOTICE_SHADOW_STOP,
};

/* Whether new sessions are made. */
enum lodge_drain {
    LODGE_DRAIN_UNCHANGED, /* to lodge_drain: the mode is only asked for */
    LODGE_DRAIN_OFF,
    LODGE_DRAIN_RECONNECTS,    /* no; who has a session gets it back */
    LODGE_DRAIN_UNTIL_RESTART, /* likewise, until lodge-smss is started anew */
};

/* The order of a list; alike ones by id. */
enum lodge_order {
    LODGE_BY_ID,
    LODGE_BY_USER,
    LODGE_BY_LOGON, /* the time of it */
};

/* How a session is shadowed. */
enum lodge_shadow {
    LODGE_SHADOW_AS_ALLOWED, /* by the key Shadow of the configuration */
    LODGE_SHADOW_CONTROL,    /* with keys and mouse */
    LODGE_SHADOW_VIEW,       /* it is only looked at */
};

/* What follows the end of the server. */
enum lodge_shutdown_action {
    LODGE_SHUTDOWN_STOP,   /* nothing */
    LODGE_SHUTDOWN_HALT,   /* the machine is turned off */
    LODGE_SHUTDOWN_REBOOT, /* the machine is started anew */
};

/* Structs that programs fill: what is 0 or NULL is not asked for, so begin with = {0}. */

/* The sessions that a list is of: those for which all holds that is set. */
struct lodge_filter {
    const char *user;
    const char *client;   /* the name of the client computer that is or was connected */
    const char *platform; /* what that runs on, as in struct lodge_client */
    const char *group;    /* whose user is a member of it; the configuration has a section [Group NAME] */
    uint32_t states;      /* bits 1u << enum lodge_state */
    uint32_t logged_on_s; /* for so many seconds at least; likewise the next two */
    uint32_t connected_s, disconnected_s;
    uint32_t idle_s; /* connected, and without input for so long */
    enum lodge_order order;
    bool descending;
};

/* The events that are asked for: those for which all holds that is set. */
struct lodge_event_query {
    uint64_t after;    /* with serials above this: the first ones. 0: the last ones, but with `first` */
    uint64_t before;   /* with serials below this */
    bool first;        /* the first ones of all */
    uint64_t since_ms; /* since 1970; not before this */
    uint64_t until_ms; /* before this */
    uint32_t id;
    uint32_t session;
    const char *user;
    uint32_t limit;  /* how many; 0: 100, the most */
    uint32_t wait_s; /* with `after` or `first`: where there is none, for so long (an hour at most) */
    uint64_t log;    /* with `wait_s`: as the events before said. Nobody waits for those of another log */
};

struct lodge_shutdown_order {
    enum lodge_shutdown_action action;
    uint32_t in_s;       /* the countdown, a week at most; 0: now */
    const char *message; /* for the people on screen: one line, at most 1023 bytes */
    const char *reason;  /* likewise, and for the history; at most 255 bytes */
    bool force;          /* with shorter times, and in place of one that was asked for before */
};

/* The structs below are made by the library alone. Later versions may add members at their ends. */

/* Bits of lodge_client.redirects. In is from the client to the session. */
enum lodge_redirect {
    LODGE_REDIRECT_CLIPBOARD_IN = 1,
    LODGE_REDIRECT_CLIPBOARD_OUT = 2,
    LODGE_REDIRECT_DRIVES = 4,
    LODGE_REDIRECT_PLAYBACK = 8,
    LODGE_REDIRECT_CAPTURE = 16
};

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
    uint32_t redirects;  /* what of it is redirected now: LODGE_REDIRECT_... */
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
    uint64_t now_ms;           /* the server's clock when it answered */
    uint64_t input_ms;         /* the person's last input, connecting counts; idle since then. 0: not known */
    bool locked;               /* the desktop */
    const char *terminal;      /* its X display, ":0"; "": not known */
    bool load_test;            /* made by lodge_create: it has no processes */
    uint32_t shadows;          /* the session that its client is shown instead of it; 0: none */
    uint32_t shadower;         /* the session to whose client it is shown besides its own; 0: none */
    const char *shadower_user; /* whose that is; "" */
    bool shadower_controls;    /* that client's keys and mouse come to it */
};

struct lodge_sessions {
    size_t count;
    const struct lodge_session *const *session; /* `count` of them, in the order asked for; else by id */
    bool more;                                  /* there are further ones behind the last */
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
    bool more;                              /* later ones are there, where the first ones were asked for */
    bool earlier;                           /* earlier ones are, where the last ones were */
    uint64_t log; /* names the log: another number where a new one was begun, with serials from 1 on */
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

struct lodge_environment {
    size_t count;
    const char *const *variable; /* NAME=VALUE; without a VALUE where the NAME sounds like a secret */
};

struct lodge_reason_count {
    const char *reason; /* its name */
    uint64_t count;
};

/* What happened since the broker started, and what there is now. */
struct lodge_counters {
    uint64_t started_ms; /* since 1970 */
    uint64_t uptime_ms;
    uint32_t active, connected, disconnected, init, down; /* sessions now, by state */
    uint64_t logons;                                      /* sessions made */
    uint64_t reconnects, disconnects;
    uint64_t ended; /* sessions */
    uint64_t refusals;
    uint32_t connections;            /* to lsm.port, now */
    uint64_t notices_lost;           /* of subscribers that were too slow */
    uint64_t decisions, decision_ns; /* what policy was asked about logons, and how long that took in all */
    bool load_test;                  /* the sessions are virtual */
    size_t count;                    /* of reasons, for the refusals */
    const struct lodge_reason_count *const *refused;
};

struct lodge_listener {
    const char *name;    /* "rdp" */
    const char *state;   /* "listening", "stopped"; "down": its process is not there, and clients wait */
    const char *address; /* "": every one */
    uint32_t port;
    uint32_t pid;         /* of the process that accepts */
    uint32_t connections; /* now */
    uint64_t accepted;    /* since that process started */
    uint64_t refused;     /* likewise, by its limits */
};

struct lodge_listeners {
    size_t count;
    const struct lodge_listener *const *listener;
};

struct lodge_policy_value {
    const char *section, *key, *value;
    const char *origin; /* FILE:LINE, or "default" */
    bool reloadable;    /* lodge_reload changes it */
    bool counted;       /* of a user: so many are in use of what it limits */
    uint32_t in_use;
};

struct lodge_policy {
    size_t count;
    const struct lodge_policy_value *const *value;
};

struct lodge_policy_user {
    bool known; /* the machine knows the user */
    bool administrator;
    bool refused;             /* by AllowedGroups or DeniedGroups */
    size_t group_count;       /* of the groups that the configuration names, */
    const char *const *group; /* those that the user is in */
    size_t count;
    const struct lodge_policy_value *const *value;
};

struct lodge_verdict {
    const char *verdict; /* "new", "reconnect", "take-over", "ask", "wait", "refuse" */
    int reason;          /* of a refusal, as lodge_reason_name takes it; else 0 */
    uint32_t session;    /* that would be had back or taken over */
    bool known;          /* the machine knows the user */
    bool administrator;
    const char *detail; /* of a refusal: more for the person */
};

/* KEY = VALUE each. */
struct lodge_reloaded {
    size_t changed_count;
    const char *const *changed; /* what holds now */
    size_t restart_count;
    const char *const *restart; /* what will hold when Lodge is started anew */
};

struct lodge_shutdown {
    const char *phase; /* "none", "countdown", "sessions", or the service that is being ended */
    enum lodge_shutdown_action action;
    bool force;
    uint64_t at_ms;   /* when it begins or began, since 1970; 0: it was not asked for in this way */
    uint64_t left_ms; /* of the countdown */
    uint32_t uid;     /* who asked for it */
    const char *reason, *message;
    uint32_t sessions;     /* that there are still */
    uint32_t phase_ms;     /* for how long the phase has been going on */
    const char *waits_for; /* by name; "": nothing */
};

struct lodge_licence_pool {
    const char *mode; /* "none", "per-user", "per-device", "concurrent" */
    uint32_t size;
    uint32_t in_use;       /* places that are taken */
    uint32_t temporary;    /* valid temporary licences, which take none */
    uint32_t revoked;      /* that would be valid still */
    uint32_t revocable;    /* how many of these there may be */
    uint64_t grace_end_ms; /* since 1970 */
    bool in_grace;
    bool available; /* the books can be read; while they cannot, everyone is let in */
};

struct lodge_licence {
    uint64_t serial;                                     /* of a seat: the session */
    const char *holder;                                  /* a user or a device */
    const char *kind;                                    /* "temporary", "permanent", "seat" */
    const char *state;                                   /* "valid", "expired", "revoked" */
    uint64_t issued_ms, expires_ms, used_ms, revoked_ms; /* since 1970; 0: never */
    uint32_t sessions;                                   /* that use it now */
};

struct lodge_licences {
    size_t count;
    const struct lodge_licence *const *licence; /* serials ascending */
    bool more;                                  /* there are further ones above the last serial */
};

struct lodge_licence_day {
    uint64_t time_ms; /* its beginning in UTC, since 1970 */
    uint32_t pool;
    uint32_t peak; /* of the places that were taken */
    uint32_t issued;
    uint32_t warned; /* let in without */
    uint32_t refused;
};

struct lodge_licence_report {
    size_t count;
    const struct lodge_licence_day *const *day; /* oldest first */
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
/* The same for those that `filter` wants (NULL: all), in its order. The next page begins behind `after`, the
 * last session of the one before; NULL: the first. */
LODGE_API int lodge_list_by(struct lodge *lodge, const struct lodge_filter *filter,
                            const struct lodge_session *after, uint32_t limit,
                            struct lodge_sessions **sessions_r, struct lodge_error *error);
LODGE_API int lodge_list_all_by(struct lodge *lodge, const struct lodge_filter *filter,
                                struct lodge_sessions **sessions_r, struct lodge_error *error);
LODGE_API void lodge_sessions_free(struct lodge_sessions *sessions);
/* One session. Freed with lodge_session_free. */
LODGE_API int lodge_show(struct lodge *lodge, uint32_t session, struct lodge_session **session_r,
                         struct lodge_error *error);
LODGE_API void lodge_session_free(struct lodge_session *session);

/* Sends the client of a session away. LODGE_REASON_WRONG_STATE where nobody is connected. */
LODGE_API int lodge_disconnect(struct lodge *lodge, uint32_t session, struct lodge_error *error);
/* Begins the end of a session. */
LODGE_API int lodge_logoff(struct lodge *lodge, uint32_t session, struct lodge_error *error);
/* The same without grace time. */
LODGE_API int lodge_reset(struct lodge *lodge, uint32_t session, struct lodge_error *error);

/* Has the desktop of a session lock its screen, and comes back when that holds. LODGE_REASON_WRONG_STATE
 * where nothing locks it. */
LODGE_API int lodge_lock(struct lodge *lodge, uint32_t session, struct lodge_error *error);
/* Has the client that is connected to session `from` connected to `session` instead; `from` is disconnected.
 * Comes back when that has begun. LODGE_REASON_WRONG_STATE where nobody is connected to `from`. */
LODGE_API int lodge_connect(struct lodge *lodge, uint32_t session, uint32_t from, struct lodge_error *error);

/* Has the client that is connected to session `from` shown `session` instead of its own, beside the client of
 * that. Comes back when it has begun, which may take 4 * LODGE_ANSWER_MS where the person there is asked;
 * *control_r (may be NULL): with keys and mouse. It ends by lodge_shadow_stop of either session, and when who
 * looks on presses `hotkey` (a virtual key code of Windows) with `modifiers` (1 Shift, 2 Ctrl, 4 Alt); 0:
 * Ctrl with * of the numeric keypad. LODGE_REASON_SHADOW_REFUSED where the person says no,
 * LODGE_REASON_FORBIDDEN for more than the configuration allows, LODGE_REASON_WRONG_STATE where either has no
 * client. For administrators. */
LODGE_API int lodge_shadow(struct lodge *lodge, uint32_t session, uint32_t from, enum lodge_shadow mode,
                           uint32_t hotkey, uint32_t modifiers, bool *control_r, struct lodge_error *error);
/* Ends it. LODGE_REASON_WRONG_STATE where there is none. */
LODGE_API int lodge_shadow_stop(struct lodge *lodge, uint32_t session, struct lodge_error *error);

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

/* What the desktop of a session was started with. Freed with lodge_environment_free. */
LODGE_API int lodge_environment(struct lodge *lodge, uint32_t session,
                                struct lodge_environment **environment_r, struct lodge_error *error);
LODGE_API void lodge_environment_free(struct lodge_environment *environment);

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
/* The same for what `query` asks for; takes longer by its `wait_s`. Freed in the same way. */
LODGE_API int lodge_events_query(struct lodge *lodge, const struct lodge_event_query *query,
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

/* The rest is for administrators. */

/* Freed with lodge_counters_free. */
LODGE_API int lodge_counters(struct lodge *lodge, struct lodge_counters **counters_r,
                             struct lodge_error *error);
LODGE_API void lodge_counters_free(struct lodge_counters *counters);

/* What takes clients in. Freed with lodge_listeners_free. */
LODGE_API int lodge_listeners(struct lodge *lodge, struct lodge_listeners **listeners_r,
                              struct lodge_error *error);
LODGE_API void lodge_listeners_free(struct lodge_listeners *listeners);
/* A listener that is stopped takes no connections; those that there are go on. Both come back when it is so.
 */
LODGE_API int lodge_listener_stop(struct lodge *lodge, const char *name, struct lodge_error *error);
LODGE_API int lodge_listener_start(struct lodge *lodge, const char *name, struct lodge_error *error);

/* Has a configured subsystem started unless it runs, and comes back when it is ready: within
 * 4 * LODGE_ANSWER_MS. LODGE_REASON_NO_SUBSYSTEM where the configuration has none of that name. */
LODGE_API int lodge_load_subsystem(struct lodge *lodge, const char *name, struct lodge_error *error);

/* The values of the configuration that the broker goes by. Freed with lodge_policy_free. */
LODGE_API int lodge_policy(struct lodge *lodge, struct lodge_policy **policy_r, struct lodge_error *error);
LODGE_API void lodge_policy_free(struct lodge_policy *policy);
/* Those that hold for a user, who comes from the address `client` (NULL: from anywhere), each with the
 * section that gives it. Freed with lodge_policy_user_free. */
LODGE_API int lodge_policy_user(struct lodge *lodge, const char *user, const char *client,
                                struct lodge_policy_user **policy_r, struct lodge_error *error);
LODGE_API void lodge_policy_user_free(struct lodge_policy_user *policy);
/* What would come of a logon, by the logon hours of `at_ms` (since 1970; 0: now). Nothing is done. Freed with
 * lodge_verdict_free. */
LODGE_API int lodge_policy_test(struct lodge *lodge, const char *user, const char *client, uint64_t at_ms,
                                struct lodge_verdict **verdict_r, struct lodge_error *error);
LODGE_API void lodge_verdict_free(struct lodge_verdict *verdict);
/* Has the configuration read anew: all of it holds then, or nothing changed and
 * LODGE_REASON_BAD_CONFIGURATION with file and line in *error. Freed with lodge_reloaded_free. */
LODGE_API int lodge_reload(struct lodge *lodge, struct lodge_reloaded **reloaded_r,
                           struct lodge_error *error);
LODGE_API void lodge_reloaded_free(struct lodge_reloaded *reloaded);

/* Begins the countdown to the end of the server. LODGE_REASON_WRONG_STATE where one runs and `force` is not
 * set. *shutdown_r (here and below it may be NULL) tells what stands then; freed with lodge_shutdown_free. */
LODGE_API int lodge_shutdown(struct lodge *lodge, const struct lodge_shutdown_order *order,
                             struct lodge_shutdown **shutdown_r, struct lodge_error *error);
/* Calls it off. LODGE_REASON_WRONG_STATE where there is none, or it has begun. */
LODGE_API int lodge_shutdown_abort(struct lodge *lodge, struct lodge_shutdown **shutdown_r,
                                   struct lodge_error *error);
LODGE_API int lodge_shutdown_status(struct lodge *lodge, struct lodge_shutdown **shutdown_r,
                                    struct lodge_error *error);
/* Makes the connection a subscription to it, as lodge_subscribe does: from now on it takes
 * lodge_shutdown_next alone, which waits for the next change as lodge_next does. -EPIPE when the server has
 * ended. */
LODGE_API int lodge_shutdown_follow(struct lodge *lodge, struct lodge_shutdown **shutdown_r,
                                    struct lodge_error *error);
LODGE_API int lodge_shutdown_next(struct lodge *lodge, int timeout_ms, struct lodge_shutdown **shutdown_r,
                                  struct lodge_error *error);
LODGE_API void lodge_shutdown_free(struct lodge_shutdown *shutdown);

/* Begins an upgrade in place: comes back when the new programs have been tried, within 4 * LODGE_ANSWER_MS,
 * with their version in `version` (cut where it has no room). LODGE_REASON_UPGRADE_REFUSED where something is
 * not in order. Events 1091 or 1094 tell that it is over. */
LODGE_API int lodge_upgrade(struct lodge *lodge, char *version, size_t size, struct lodge_error *error);

/* How the pool of licences stands. Freed with lodge_licence_pool_free. */
LODGE_API int lodge_licence_pool(struct lodge *lodge, struct lodge_licence_pool **pool_r,
                                 struct lodge_error *error);
LODGE_API void lodge_licence_pool_free(struct lodge_licence_pool *pool);
/* A page of the licences: those with serials above `after`, at most `limit` (0: 100, the most). Freed with
 * lodge_licences_free. */
LODGE_API int lodge_licences(struct lodge *lodge, uint64_t after, uint32_t limit,
                             struct lodge_licences **licences_r, struct lodge_error *error);
LODGE_API void lodge_licences_free(struct lodge_licences *licences);
/* Gives a user or a device a permanent licence; comes back when it is on the disk. LODGE_REASON_NO_LICENCE
 * where none is left, LODGE_REASON_WRONG_STATE where they have one. */
LODGE_API int lodge_licence_issue(struct lodge *lodge, const char *holder, struct lodge_error *error);
/* Takes theirs back. LODGE_REASON_WRONG_STATE where there is none, a session uses it, or too many are revoked
 * already. */
LODGE_API int lodge_licence_revoke(struct lodge *lodge, const char *holder, struct lodge_error *error);
/* The use of the last `days` (0: 30; 400 at most). Freed with lodge_licence_report_free. */
LODGE_API int lodge_licence_report(struct lodge *lodge, uint32_t days, struct lodge_licence_report **report_r,
                                   struct lodge_error *error);
LODGE_API void lodge_licence_report_free(struct lodge_licence_report *report);

/* On a server for load tests: a session of virtual user number `user`, or the one that they have, as from the
 * client computer `client` at `address` (ADDRESS:PORT). It does not hang on the connection.
 * LODGE_REASON_WRONG_STATE on any other server. */
LODGE_API int lodge_create(struct lodge *lodge, uint32_t user, const char *client, const char *address,
                           uint32_t *session_r, struct lodge_error *error);

/* The name ("no-such-session") and the sentence of a reason. Static texts, for every number. */
LODGE_API const char *lodge_reason_name(int reason);
LODGE_API const char *lodge_reason_sentence(int reason);

#ifdef __cplusplus
}
#endif

#endif
