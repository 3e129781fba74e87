/* The parts of lodge-smss and what they share. One thread; objects are freed by their own module alone. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "common/conf.h"
#include "common/event.h"
#include "common/packet.h"
#include "rpc/sm.h"
#include "sessionmgr/cgroup.h"
#include "sessionmgr/heartbeat.h"
#include "sessionmgr/ids.h"
#include "sessionmgr/lines.h"
#include "sessionmgr/loop.h"
#include "sessionmgr/process.h"
#include "sessionmgr/steps.h"
#include "sessionmgr/upgrade.h"

#define LOGONS_MOST         64  /* under way; those with a session do not count */
#define PEERS_UNHEARD       128 /* connections of a role that have not said HELLO */
#define HELLO_MS            10000
#define LOGON_RESULT_MS     120000 /* for PAM */
#define LOGON_ANSWER_MS     60000  /* for the broker */
#define LOGON_EXIT_MS       10000
#define RECOVERY_MS         2000
#define SESSION_START_MS    180000 /* X server and agent have deadlines of their own within it */
#define SESSION_EXIT_MS     15000
#define SESSION_END_MORE_MS 10000 /* on top of the grace time */
#define GROUP_ROOM          32
#define SERVICE_ENDS_MOST   100

enum smss_phase {
    SMSS_RECOVERING, /* waits for those who outlived the last lodge-smss */
    SMSS_SERVING,
    SMSS_ENDING_SESSIONS,
    SMSS_ENDING_SERVICES,
    SMSS_STOPPED,
};

struct smss;
struct peer;
struct logon;
struct session;

enum service_which { SERVICE_BROKER, SERVICE_LISTENER, SERVICE_COUNT };

enum service_state {
    SERVICE_DOWN,
    SERVICE_AWAITED,  /* in recovery: it may be there and come by itself */
    SERVICE_WAITING,  /* for its next start */
    SERVICE_STARTING, /* has not said READY */
    SERVICE_READY,
    SERVICE_STOPPING,
};

struct service {
    struct smss *smss;
    enum service_which which;
    enum service_state state;
    struct process process;
    struct lines lines; /* what it writes to standard error */
    int listening;      /* the socket it is handed, -1: none yet */
    struct peer *peer;
    struct loop_timer timer;
    unsigned failures;               /* in a row */
    int64_t ends[SERVICE_ENDS_MOST]; /* unasked ones, monotonic ms, the last ones in a ring */
    unsigned end_count;
    bool replaced;               /* its new program has yet to say READY */
    bool back;                   /* it runs `previous` */
    int previous;                /* the program that it ran before an upgrade, -1: none */
    int previous_zygote;         /* of a listener: its workers' program then, which goes down with it */
    int64_t started, started_us; /* the second: when it was, in microseconds; 0: by an earlier lodge-smss */
    struct heartbeat heart;
};

enum logon_state {
    LOGON_AUTHENTICATING,
    LOGON_DECIDING,   /* the broker has the result, or is to get it */
    LOGON_IN_SESSION, /* it has a session, which says how it goes on */
    LOGON_OVER,       /* refused or dropped: it is to exit */
};

struct logon {
    struct smss *smss;
    uint64_t number;
    enum logon_state state;
    struct process process;
    struct peer *peer;
    struct session *session;
    struct sm_logon_result result;
    bool untold; /* the result has not reached the broker yet */
    struct loop_timer timer;
    struct logon *next; /* smss.logons */
};

/* What is going on in the session, not what its users see: that is the broker's. */
enum session_state {
    SESSION_ORPHAN,   /* found after a restart; its logon has not come by yet */
    SESSION_CREATING, /* the logon has been told */
    SESSION_STARTING,
    SESSION_UP,
    SESSION_ENDING,   /* it has been told to end */
    SESSION_CLOSED,   /* the logon has said that it is over, and is to exit */
    SESSION_KILLING,  /* the cgroup is to become empty */
    SESSION_REMOVING, /* its files go */
    SESSION_STATES,
};

enum session_event {
    SESSION_SAYS_STARTING,
    SESSION_SAYS_UP,
    SESSION_SAYS_ENDING,
    SESSION_END_ASKED,
    SESSION_SAYS_ENDED,
    SESSION_LOGON_DIED,
    SESSION_LATE,
    SESSION_EMPTY,
    SESSION_EVENTS,
};

struct session {
    struct smss *smss;
    uint16_t id;
    enum session_state state;
    char about[24];         /* "session 3", for the log */
    char group[GROUP_ROOM]; /* "session-3" */
    struct logon *logon;
    struct sm_session_state told; /* as the broker is told; user "" while unknown */
    struct sm_session_end end;    /* what was asked; id 0: nothing */
    struct sm_session_ended ended;
    struct loop_timer timer;
    int events;
    struct loop_source *events_source;
    bool killed; /* once: from the second time on its lodge-logon is killed too */
    unsigned kills;
    bool reported; /* that it cannot be killed */
    unsigned removal_steps;
    struct heartbeat logon_heart, init_heart;
    uint64_t viewer;            /* who has it, for the next broker; 0: nobody */
    struct session *next, **at; /* smss.sessions, and what there points to this one */
};

/* Events that the broker has not had, oldest first. */
struct smss_event {
    struct sm_event event;
    struct smss_event *next;
};

struct smss_events {
    struct smss_event *first, **last;
    unsigned count;
    uint64_t lost;
};

/* Times are CLOCK_MONOTONIC's in ms. */
struct shutdown {
    enum sm_action action;
    bool force;
    int64_t phase_began, said_at;
    int64_t kill_at;    /* of sessions, 0: each at its own time */
    int64_t give_up_at; /* the phase */
    unsigned sessions;  /* that there were when it began */
    int service;        /* that is being ended, or was last */
};

/* lodge-boot, while it runs. */
struct bootwork {
    struct smss *smss;
    struct process process;
    int report;
    struct loop_source *source;
    struct loop_timer timer;
    void (*over)(struct smss *smss);
    char line[768];
    size_t used;
};

enum subsystem_state {
    SUBSYSTEM_DOWN,
    SUBSYSTEM_WAITING, /* for its next start */
    SUBSYSTEM_STARTING,
    SUBSYSTEM_READY,
    SUBSYSTEM_STOPPING,
    SUBSYSTEM_FAILED, /* it ended too often */
};

struct subsystem;

/* The start of the subsystems at boot. */
struct subsystem_boot {
    bool goes_on;
    int64_t start_us;
    char problem[STEP_DETAIL_ROOM]; /* the first one */
    void (*over)(struct smss *smss);
};

struct smss {
    struct conf conf;
    struct conf *policy; /* as the broker has read it since; NULL: conf is the last */
    const char *conf_path;
    char programs[PATH_MAX];
    struct loop *loop;
    enum smss_phase phase;
    struct loop_timer timer; /* of the phase */
    bool stop_asked;
    bool fast;   /* shutdown was asked for again */
    bool failed; /* shutdown came of a service that cannot be kept alive */
    struct shutdown shutdown;
    struct rlimit files; /* as it was for this process: children get it back */
    uid_t broker_uid, front_uid;
    gid_t broker_gid;
    int lock, display_socket, sm_port, signals;
    uint16_t display;
    struct loop_source *sm_source, *signals_source;
    struct cgroup_base cgroup;
    struct ids ids;
    struct service services[SERVICE_COUNT];
    struct sm_listener_state listener; /* its numbers, as it told them */
    struct peer *peers;
    struct logon *logons;
    unsigned logon_count; /* those that have no session */
    struct session *sessions;
    struct session *session_of[65536];
    struct smss_events events;
    struct upgrade upgrade;
    struct loop_timer heart_timer;
    unsigned heart_turn;
    struct loop_timer watchdog;
    int64_t watchdog_ms; /* as often the service manager hears that the loop turns */
    struct steps steps;  /* of the boot */
    struct bootwork bootwork;
    unsigned execute_count;       /* commands of [BootExecute] */
    struct subsystem *subsystems; /* in the order of their start */
    struct subsystem_boot subsystem_boot;
    char **environment; /* of services; NULL: as this process's */
};

/* boot.c. Both return false after a log line that says what is wrong and what to do. */
bool boot_prepare(struct smss *smss);
/* The listening socket of a service, made now; -1 after a log line. */
int boot_listen(const struct smss *smss, enum service_which which);
/* True when `fd` is such a socket as boot_listen makes, where the configuration has it; of a listener that is
 * stopped, one that does not listen, there or nowhere. */
bool boot_is_listening(const struct smss *smss, enum service_which which, int fd);
/* `whole`: after a boot that went through; undoes what lodge-boot did, too. */
void boot_undo(struct smss *smss, bool whole);
/* Begins what lodge-boot does for the boot, and goes on with `over` (at once, or later). `again`: sessions or
 * services of an earlier lodge-smss may live. */
void boot_work(struct smss *smss, bool again, void (*over)(struct smss *smss));
/* A service has said READY. */
void boot_service_ready(struct smss *smss, enum service_which which);
/* When all services are ready, logons are accepted, and the boot is over. */
void boot_look_whether_ready(struct smss *smss);
/* Writes the file that lodgectl boot reads. */
void boot_save_steps(const struct smss *smss);
void boot_save_next_id(const struct smss *smss);

/* peer.c */
void peer_accept(void *smss, uint32_t events);
/* Closes and frees; whoever it belongs to learns that it has no peer. NULL is fine. */
void peer_close(struct smss *smss, struct peer *peer);
/* Sends now or as soon as there is room, or closes a peer that does not read: it connects again and is told
 * anew. False when it will not reach the peer, also for NULL. */
bool peer_send(struct smss *smss, struct peer *peer, unsigned number, const void *body);
/* The same with a descriptor, which stays the caller's. */
bool peer_send_descriptor(struct peer *peer, unsigned number, const void *body, int descriptor);

/* Takes in what a process said before it ended; *peer is its owner's, which is told when it closes. */
void peer_drain(struct peer **peer);

/* service.c */
void service_init(struct smss *smss);
/* Opens the pipes that the services' logs come by, once RUN is there; and closes and removes them. */
void service_open_logs(struct smss *smss);
void service_close_logs(struct smss *smss);
void service_start(struct service *service);
/* A peer says that it is this service. Takes the descriptor (-1: none). Returns false when it is not. */
bool service_hello(struct service *service, struct peer *peer, const struct packet_peer *who, int pidfd,
                   int descriptor);
void service_ready(struct service *service);
void service_peer_gone(struct service *service);
/* Recovery is over: a service that has not come by is ended for good and started anew. */
void service_give_up_waiting(struct service *service);
void service_stop(struct service *service);
/* Ends it, to be started with what lies in its program's place now; if that is not ready in time, with the
 * program that it runs now. Returns false when it is not ready itself. */
bool service_replace(struct service *service);
/* True when nothing of it runs any more. */
bool service_is_down(const struct service *service);
const char *service_name(const struct service *service);
/* "ready", "starting" ... */
const char *service_state_name(const struct service *service);
const char *service_group(const struct service *service);

/* logon.c */
void logon_start(struct smss *smss, const struct sm_logon_start *start, int credentials);
/* A logon of a virtual user: it has no process. */
void logon_start_virtual(struct smss *smss, const struct sm_virtual_start *start);
/* The logon of this connection, taken in if it outlived the last lodge-smss. NULL when it is none of ours. */
struct logon *logon_hello(struct smss *smss, struct peer *peer, const struct packet_peer *who, int pidfd,
                          uint64_t number);
void logon_result(struct logon *logon, const struct sm_logon_result *result);
void logon_admit(struct smss *smss, const struct sm_logon_admit *admit);
/* Tells it to exit; it is killed when it does not. Frees a logon that has no process. */
void logon_drop(struct logon *logon, uint16_t reason);
struct logon *logon_find(struct smss *smss, uint64_t number);
void logon_peer_gone(struct logon *logon);
/* Its session is over and removed. */
void logon_free(struct logon *logon);
/* Tells the broker the results that it has not had, or not answered. */
void logon_tell_all(struct smss *smss);

/* session.c */
struct session *session_new(struct smss *smss, uint16_t id, enum session_state state);
void session_event(struct session *session, enum session_event event);
/* Frees a virtual one. */
void session_end(struct session *session, const struct sm_session_end *end);
void session_says(struct logon *logon, const struct sm_session_state *state);
void session_says_ended(struct session *session, const struct sm_session_ended *ended);
/* The state as a SESSION_STATE for the broker; nothing is sent for a session whose user is not known. */
void session_tell(struct session *session);
/* True when it is known whose session it is: an orphan's logon has yet to say. */
bool session_is_known(const struct session *session);
/* True for a session of a load test: it has an ID, and nothing else: no process, no cgroup, no files. */
bool session_is_virtual(const struct session *session);

/* remove.c: what is left of a session when its logon is gone. */
void session_kill(struct session *session);
/* Goes on to SESSION_EMPTY, and may free the session, when neither its cgroup nor its logon runs any more. */
void session_look(struct session *session);
void session_remove(struct session *session);
/* Frees the session, whatever is left of it. */
void session_forget(struct session *session);
/* Frees the session and tells the broker. */
void session_finish(struct session *session);

/* event.c: what lodge-smss and its sessions add to the server's history, which the broker keeps. */
/* Logs it and tells the broker, or keeps it until a broker is there. `session` 0: of the server as a whole.
 */
__attribute__((format(printf, 4, 5))) void event_tell(struct smss *smss, enum event_id id, uint16_t session,
                                                      const char *format, ...);
/* An event of a session's own, passed on. */
void event_pass(struct smss *smss, const struct sm_event *event);
/* A broker is there: tells it what has waited. */
void event_tell_all(struct smss *smss);
/* Frees what no broker has taken. */
void event_forget_all(struct smss *smss);

/* liveness.c: hung processes. One timer asks and looks, for everything. */
void liveness_start(struct smss *smss);
void liveness_answered_service(struct service *service);
/* `who` is an enum sm_alive. */
void liveness_answered_logon(struct session *session, unsigned who);

/* terminate.c: asks a process of a session to end, or ends it, and tells the peer what came of it. */
void terminate_process(struct smss *smss, struct peer *peer, const struct sm_process_end *asked);

/* bootwork.c */
void bootwork_init(struct smss *smss);
/* Runs lodge-boot; `over` is called when it has ended, or at once when it cannot be run. */
void bootwork_start(struct smss *smss, const char *mode, void (*over)(struct smss *smss));
bool bootwork_runs(const struct smss *smss);
void bootwork_cancel(struct smss *smss);
/* Runs what belongs to the end, and waits for it. */
void bootwork_finish(struct smss *smss);
/* Puts a step that is over into the events. */
void bootwork_tell_step(struct smss *smss, const struct step *step);

/* facts.c */
/* Tells a broker that is in step what it wants to know for health: which limits hold, whether there is a
 * listener. */
void facts_tell(struct smss *smss);

/* logon.c: the broker has read the configuration anew. */
void logon_policy_changed(struct smss *smss);

/* subsystem.c: configured ones, of session 0. */
/* Starts those that are required, one after another; then calls `over` (NULL: nobody waits). */
void subsystems_start(struct smss *smss, void (*over)(struct smss *smss));
/* The boot is to end: calls `over` now, if it is still to be called. */
void subsystems_cancel(struct smss *smss);
/* Ends them in the reverse order, and waits for it. */
void subsystems_end(struct smss *smss);
void subsystems_reap(struct smss *smss);
/* LoadDeferredSubsystem: starts it unless it runs; the broker is told when it is ready, or why it is not. */
void subsystem_load(struct smss *smss, struct peer *peer, const struct sm_subsystem_load *asked);

/* phase.c */
/* Returns false, after a log line, when a first start cannot listen. */
bool phase_begin(struct smss *smss);
/* Something has ended: goes on with recovery or shutdown when that was the last thing to wait for. */
void phase_check(struct smss *smss);
/* Tells the broker everything there is, and SYNCED, unless recovery still waits. */
void phase_sync_broker(struct smss *smss);

/* listener.c */
/* It takes no clients any more, or takes them again; the broker is told what came of it. */
void listener_set(struct smss *smss, bool stopped);
bool listener_is_stopped(const struct smss *smss);
/* What the listener tells of itself. */
void listener_numbers(struct smss *smss, const struct sm_listener_state *numbers);
/* Tells the broker how the listener is; `answer`: it asked. */
void listener_tell(struct smss *smss, bool answer);
/* Gives the listener the socket that it is to have. */
void listener_give(struct smss *smss);

/* shutdown.c */
/* SIGTERM or SIGINT: the first begins the shutdown, the next one kills what is left. */
void shutdown_signalled(struct smss *smss);
/* The broker asks. Returns false when what it asks for makes no sense. */
bool shutdown_asked(struct smss *smss, const struct sm_shutdown *asked);
/* While it shuts down: something has ended. */
void shutdown_check(struct smss *smss);
/* Tells the broker how far it is, if it is shutting down. */
void shutdown_tell(struct smss *smss);
/* Everything has ended: runs the system's action, if there is to be one, and waits for the command's end. */
void shutdown_act(struct smss *smss);

/* notify.c */
/* Tells the service manager that started this process, if it wants to hear: as sd_notify(3). */
void notify_manager(const char *text);
/* Tells it from now on that this process works, where it watches that (WATCHDOG_USEC). */
void notify_watchdog_start(struct smss *smss);
