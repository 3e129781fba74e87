/* The parts of lodge-init and what they share: one session's first process, as its user. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/event.h"
#include "common/reason.h"
#include "rpc/sm.h"
#include "sessionmgr/heartbeat.h"
#include "sessionmgr/lines.h"
#include "sessionmgr/loop.h"
#include "sessionmgr/proc.h"
#include "sessionmgr/process.h"

#define INIT_STARTS       6 /* of the agent within a minute: five times again */
#define INIT_STARTS_MS    60000
#define INIT_OWN_GRACE_MS 5000 /* where nobody said how long: the desktop ended by itself */

enum init_phase {
    INIT_X,
    INIT_AGENT,
    INIT_PROGRAMS, /* required subsystems of the configuration become ready */
    INIT_UP,
    INIT_CLOSING, /* windows are asked to close */
    INIT_TERMINATING,
    INIT_KILLING,
    INIT_STOPPING_AGENT,
    INIT_STOPPING_X,
    INIT_DONE,
    INIT_PHASES,
};

struct init {
    struct loop *loop;
    int channel, winstation, signals;
    struct loop_source *channel_source, *signals_source;
    struct sm_run run;
    char objects[PROC_PATH_ROOM]; /* RUN/sessions/ID */
    bool own_pids;                /* in a pid namespace of its own, which /proc shows */
    enum init_phase phase;
    int64_t phase_began, grace_ends;
    pid_t termed;            /* the highest number of a process that has had TERM */
    struct loop_timer timer; /* the deadline of a start; in a logoff, the next look */

    struct process x;
    int x_ready;
    struct loop_source *x_ready_source;
    struct lines x_lines;

    struct process agent;
    struct lines agent_lines;
    int agent_channel;
    struct loop_source *agent_source;
    bool agent_ready, windows_closed;
    bool manager_answered;
    unsigned closing_thirds; /* of the grace time: for the desktop's session manager, if there is one, and
                                windows */
    struct loop_timer agent_timer;
    int64_t agent_starts[INIT_STARTS];
    unsigned agent_start_count;

    struct programs *programs; /* NULL: none */

    struct process desktop;
    int64_t desktop_started;

    struct heartbeat agent_heart, x_heart;
    int64_t hang_ms; /* how long an answer may take */
    struct loop_timer heart_timer;

    struct sm_session_ended ended; /* why it is over; told at the end */
};

/* init-devices.c: makes them, as the user, and sets LODGE_DEVICES. */
void devices_offer(const char *objects);

/* user.c. All return false after a log line. */
/* Becomes the user of RUN for good, and this process dies with lodge-logon. */
bool user_become(const struct sm_run *run, int channel);
/* The session's environment, on top of what PAM gave. */
bool user_environment(const struct sm_run *run, const char *objects);
/* Reads LANG and LC_ settings (`KEY=value` lines, quotes allowed) for variables that are not set. */
void user_take_locale(const char *text);

/* xauthority.c */
/* Writes the file at `path` with a fresh cookie for display `number`. Returns 0 or a negative errno. */
int xauthority_write(const char *path, unsigned number);

/* xserver.c */
/* Starts the configured X server; x_server_ready or x_server_failed of init-subsystems.c follows. */
void x_server_start(struct init *init);

/* init-subsystems.c */
void subsystem_x_ready(struct init *init);
void subsystem_x_ended(void *init, uint32_t events);
void subsystem_agent_start(struct init *init);
/* All before the desktop is there: the session is up. */
void subsystem_desktop_turn(struct init *init);

/* init-programs.c: configured subsystems of the session. */
/* Checks and takes what RUN has of them; false with a sentence in `error`. */
bool programs_take(struct init *init, char *error, size_t size);
/* The agent is ready: starts them; subsystem_desktop_turn follows when the required ones are ready, or the
 * logoff, with a reason, when one cannot be kept alive. */
void programs_start(struct init *init);
void programs_reap(struct init *init);
void programs_free(struct init *init);

/* init-event.c */
/* Logs it and tells lodge-logon, for the server's history. */
__attribute__((format(printf, 3, 4))) void event_tell(const struct init *init, enum event_id id,
                                                      const char *format, ...);

/* init-heart.c: hung processes of the session. No timer runs but while somebody owes an answer. */
void heart_init(struct init *init);
/* lodge-smss asks by way of lodge-logon: answers, and asks the agent, which asks the X server. */
void heart_asked(struct init *init, unsigned seconds);
/* The agent's PONG; `who` is an enum sm_alive. */
void heart_answered(struct init *init, unsigned who);
/* The agent is gone, and owes nothing more. */
void heart_forget(struct init *init);

/* logoff.c */
/* Ends the session for this reason, once; asked again, a shorter grace time counts. `detail` may be NULL. */
void logoff_begin(struct init *init, enum reason reason, const char *detail, uint32_t grace_ms);
/* The agent's MANAGER_ANSWER; `answer` is an enum sm_manager. */
void logoff_manager_answered(struct init *init, unsigned answer);
/* Something has ended: looks whether the logoff can go on. */
void logoff_look(struct init *init);
