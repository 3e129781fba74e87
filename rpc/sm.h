/* sm.port: between lodge-smss and the broker, the listener and each lodge-logon; and, over a socket pair,
 * between lodge-logon, the session's lodge-init and the display agent. docs/architecture.md tells the story.
 *
 * lodge-smss listens on RUN/ports/sm.port (0660, root and the broker's group). A peer's role follows from the
 * kernel's word on its uid: the broker's user, the front end's user, or root for lodge-logon; HELLO is the
 * first message of every peer. A peer that breaks the protocol is closed. When lodge-smss comes back after
 * its own death every peer connects anew and says HELLO again, with what it holds. */
#pragma once

#include "rpc/message.h"

#define SM_VERSION         1
#define SM_USER_ROOM       256 /* a canonical user name with its NUL */
#define SM_PATH_ROOM       256
#define SM_DETAIL_ROOM     512
#define SM_SUBSYSTEMS_ROOM 8192 /* rpc/subsystems.h */

enum sm_role {
    SM_SMSS = 1,
    SM_BROKER = 2,
    SM_LISTENER = 4,
    SM_LOGON = 8,
    SM_INIT = 16,
    SM_AGENT = 32,
};

enum sm_account { SM_ACCOUNT_SYSTEM, SM_ACCOUNT_LAB, SM_ACCOUNT_VIRTUAL };

/* The users of virtual sessions ([LoadTest] VirtualSessions): numbers from 1 on. lodge-smss gives them names
 * and uids that no account has: lab accounts end below. */
#define SM_VIRTUAL_USERS     1000000
#define SM_VIRTUAL_FIRST_UID 2100000000u

/* What follows when everything of Lodge has ended. */
enum sm_action { SM_STOP, SM_HALT, SM_REBOOT };

/* A listener: taking clients, told to take none, or its process is not there (clients wait for it). */
enum sm_listening { SM_LISTENING, SM_LISTENING_STOPPED, SM_LISTENING_DOWN };

/* Where a listener holds its workers' program. lodge-smss takes it from there before an upgrade, and hands it
 * down there with the old listener where that has to come back: beside it lies the new one by then. */
#define SM_ZYGOTE_FD   4
#define SM_ZYGOTE_LINK "fd/4" /* in /proc/PID */

/* The life of a session as smss, logon and init tell it. */
enum sm_life { SM_SESSION_STARTING, SM_SESSION_UP, SM_SESSION_ENDING };

/* What came of asking the desktop's own session manager to end the session: there is none; it has ended it;
 * it lets nobody in; it called it off; it went away in between; it did not answer in time. */
enum sm_manager {
    SM_MANAGER_NONE,
    SM_MANAGER_ENDED,
    SM_MANAGER_CLOSED,
    SM_MANAGER_REFUSED,
    SM_MANAGER_BROKEN,
    SM_MANAGER_SILENT,
    SM_MANAGER_ANSWERS
};

/* Whose answer a PONG is. */
enum sm_alive { SM_ALIVE_ITSELF, SM_ALIVE_NEXT };

#define SM_MESSAGES(M)                                                                                       \
    /* any peer -> smss, first of all. A service that survived smss brings its listening socket */           \
    M(SM, sm, HELLO, hello, 1, SM_BROKER | SM_LISTENER | SM_LOGON, 0, 1)                                     \
    /* broker, listener -> smss: set-up is done; agent -> init: the display can be used */                   \
    M(SM, sm, READY, ready, 2, SM_BROKER | SM_LISTENER | SM_AGENT, 0, 0)                                     \
    /* broker -> smss: start a lodge-logon; the pipe holds a struct credentials (rpc/credentials.h) */       \
    M(SM, sm, LOGON_START, logon_start, 3, SM_BROKER, 1, 1)                                                  \
    /* logon -> smss -> broker: who it is, or why not. On a refusal the logon is over */                     \
    M(SM, sm, LOGON_RESULT, logon_result, 4, SM_LOGON | SM_SMSS, 0, 0)                                       \
    /* broker -> smss: make a session for this logon, with the limits, desktop and home of its user */       \
    M(SM, sm, LOGON_ADMIT, logon_admit, 5, SM_BROKER, 0, 0)                                                  \
    /* broker -> smss -> logon: no session is wanted from this logon (refused, or a session was there) */    \
    M(SM, sm, LOGON_DROP, logon_drop, 6, SM_BROKER | SM_SMSS, 0, 0)                                          \
    /* smss -> logon: make session `id` in this cgroup with this display number */                           \
    M(SM, sm, SESSION_CREATE, session_create, 7, SM_SMSS, 0, 0)                                              \
    /* logon -> smss: a session's state, also after smss came back (then the first after HELLO);             \
     * smss -> broker: the same, and every session there is after the broker's HELLO */                      \
    M(SM, sm, SESSION_STATE, session_state, 8, SM_LOGON | SM_SMSS, 0, 0)                                     \
    /* broker -> smss -> logon -> init: end this session */                                                  \
    M(SM, sm, SESSION_END, session_end, 9, SM_BROKER | SM_SMSS | SM_LOGON, 0, 0)                             \
    /* init -> logon -> smss: why it is over; smss -> broker: it is over and nothing of it is left */        \
    M(SM, sm, SESSION_ENDED, session_ended, 10, SM_INIT | SM_LOGON | SM_SMSS, 0, 0)                          \
    /* smss -> broker: every session that exists has been told since the HELLO */                            \
    M(SM, sm, SYNCED, synced, 11, SM_SMSS, 0, 0)                                                             \
    /* smss -> broker: shutdown has begun; smss ends the sessions itself */                                  \
    M(SM, sm, STOPPING, stopping, 12, SM_SMSS, 0, 0)                                                         \
    /* logon -> init: what to run, once */                                                                   \
    M(SM, sm, RUN, run, 13, SM_LOGON, 0, 0)                                                                  \
    /* init -> logon: required subsystems and the desktop are started */                                     \
    M(SM, sm, STARTED, started, 14, SM_INIT, 0, 0)                                                           \
    /* init -> agent: have the desktop end, then ask every window to close, as a session's end does */       \
    M(SM, sm, CLOSE_WINDOWS, close_windows, 15, SM_INIT, 0, 0)                                               \
    /* init -> agent: show this to the person, the session is about to end */                                \
    M(SM, sm, NOTICE, notice, 16, SM_INIT, 0, 0)                                                             \
    /* agent -> init, after CLOSE_WINDOWS: no window is left that could close, so init need not wait on */   \
    M(SM, sm, WINDOWS_CLOSED, windows_closed, 17, SM_AGENT, 0, 0)                                            \
    /* init -> logon -> smss -> broker: something for the server's history (common/event.h). What smss has   \
     * for a broker that is away waits in smss; what init and logon say while smss is away is logged only */ \
    M(SM, sm, EVENT, event, 18, SM_INIT | SM_LOGON | SM_SMSS, 0, 0)                                          \
    /* broker -> smss: ask this process of the session to end, or (kill 1) end it */                         \
    M(SM, sm, PROCESS_END, process_end, 19, SM_BROKER, 0, 0)                                                 \
    /* smss -> broker: the signal was sent (reason none, the detail is the name), or why not */              \
    M(SM, sm, PROCESS_ENDED, process_ended, 20, SM_SMSS, 0, 0)                                               \
    /* smss -> broker, in step and when they change: what it knows of the machine, KEY=VALUE lines */        \
    M(SM, sm, FACTS, facts, 23, SM_SMSS, 0, 0)                                                               \
    /* broker -> smss: LoadDeferredSubsystem: start this one, unless it runs */                              \
    M(SM, sm, SUBSYSTEM_LOAD, subsystem_load, 25, SM_BROKER, 0, 0)                                           \
    /* smss -> broker, once however many asked: it is ready (reason none), or why not */                     \
    M(SM, sm, SUBSYSTEM_LOADED, subsystem_loaded, 26, SM_SMSS, 0, 0)                                         \
    /* broker -> smss: as LOGON_START, for a virtual user, whom nobody asks for a password */                \
    M(SM, sm, VIRTUAL_START, virtual_start, 24, SM_BROKER, 0, 0)                                             \
    /* smss -> broker, listener, logon; logon -> init; init -> agent: does it still work? Put again when it  \
     * has been answered */                                                                                  \
    M(SM, sm, PING, ping, 34, SM_SMSS | SM_LOGON | SM_INIT, 0, 0)                                            \
    /* the answer, at once; and a second one when the one after it has answered: of logon init, of agent the \
     * X server */                                                                                           \
    M(SM, sm, PONG, pong, 35, SM_BROKER | SM_LISTENER | SM_LOGON | SM_INIT | SM_AGENT, 0, 0)                 \
    /* broker -> smss: the countdown is over: end all sessions and services, then do `action` */             \
    M(SM, sm, SHUTDOWN, shutdown, 30, SM_BROKER, 0, 0)                                                       \
    /* smss -> broker, while it shuts down: how far it is, and what it waits for, by name */                 \
    M(SM, sm, SHUTDOWN_STATUS, shutdown_status, 31, SM_SMSS, 0, 0)                                           \
    /* broker -> smss: take clients (again), or none; smss -> listener: with a socket that does so */        \
    M(SM, sm, LISTENER_SET, listener_set, 32, SM_BROKER | SM_SMSS, 0, 1)                                     \
    /* listener -> smss: its numbers; smss -> broker: all of it, also as the answer to LISTENER_SET */       \
    M(SM, sm, LISTENER_STATE, listener_state, 33, SM_LISTENER | SM_SMSS, 0, 0)                               \
    /* broker -> smss: who has this session now, 0: nobody; smss -> broker, before SYNCED: the same, as the  \
     * last broker told it */                                                                                \
    M(SM, sm, VIEWER, viewer, 36, SM_BROKER | SM_SMSS, 0, 0)                                                 \
    /* broker -> smss: upgrade in place; who asked */                                                        \
    M(SM, sm, UPGRADE, upgrade, 37, SM_BROKER, 0, 0)                                                         \
    /* smss -> broker: it begins (the detail is the new version), or why not */                              \
    M(SM, sm, UPGRADE_BEGUN, upgrade_begun, 38, SM_SMSS, 0, 0)                                               \
    /* agent -> init, once after CLOSE_WINDOWS: how the session manager answered (enum sm_manager), in a     \
     * third of the grace time at most; windows are asked to close now */                                    \
    M(SM, sm, MANAGER_ANSWER, manager_answer, 39, SM_AGENT, 0, 0)                                            \
    /* broker -> smss: it has read the configuration anew. smss does too: what LOGON_ADMIT says of limits,   \
     * desktop and home has to stand there */                                                                \
    M(SM, sm, CONF_READ, conf_read, 40, SM_BROKER, 0, 0)

#define SM_HELLO_FIELDS(F, S)       F(S, u32, role) F(S, u64, logon)
#define SM_READY_FIELDS(F, S)       F(S, u32, role)
#define SM_LOGON_START_FIELDS(F, S) F(S, u64, logon) F(S, text, client, 64)
#define SM_LOGON_RESULT_FIELDS(F, S) \
    F(S, u64, logon) F(S, u16, reason) F(S, u8, account) F(S, u32, uid) F(S, text, user, SM_USER_ROOM)
#define SM_LOGON_ADMIT_FIELDS(F, S) \
    F(S, u64, logon)                \
    F(S, u16, width)                \
    F(S, u16, height)               \
    F(S, u32, keyboard_layout)      \
    F(S, u32, memory_mib)           \
    F(S, u32, tasks) F(S, u32, cpu_weight) F(S, text, desktop, 256) F(S, text, home, SM_PATH_ROOM)
#define SM_LOGON_DROP_FIELDS(F, S) F(S, u64, logon) F(S, u16, reason)
#define SM_SESSION_CREATE_FIELDS(F, S) \
    F(S, u64, logon)                   \
    F(S, u16, id)                      \
    F(S, u16, display)                 \
    F(S, u16, width)                   \
    F(S, u16, height)                  \
    F(S, u32, keyboard_layout)         \
    F(S, text, cgroup, SM_PATH_ROOM)   \
    F(S, u32, tasks) F(S, text, desktop, 256) F(S, text, home, SM_PATH_ROOM)
#define SM_SESSION_STATE_FIELDS(F, S) \
    F(S, u16, id)                     \
    F(S, u8, state)                   \
    F(S, u64, logon) F(S, u32, uid) F(S, u8, account) F(S, u64, started_ms) F(S, text, user, SM_USER_ROOM)
#define SM_SESSION_END_FIELDS(F, S) F(S, u16, id) F(S, u16, reason) F(S, u32, grace_ms)
#define SM_SESSION_ENDED_FIELDS(F, S) \
    F(S, u16, id) F(S, u16, reason) F(S, u64, logon) F(S, text, detail, SM_DETAIL_ROOM)
#define SM_SYNCED_FIELDS(F, S)   F(S, u32, sessions)
#define SM_STOPPING_FIELDS(F, S) F(S, u16, reason)
#define SM_RUN_FIELDS(F, S)            \
    F(S, u16, id)                      \
    F(S, u16, display)                 \
    F(S, u16, width)                   \
    F(S, u16, height)                  \
    F(S, u32, keyboard_layout)         \
    F(S, u32, uid)                     \
    F(S, u32, gid)                     \
    F(S, text, user, SM_USER_ROOM)     \
    F(S, text, home, SM_PATH_ROOM)     \
    F(S, text, shell, SM_PATH_ROOM)    \
    F(S, text, programs, SM_PATH_ROOM) \
    F(S, text, x_server, 32)           \
    F(S, text, desktop, 256)           \
    F(S, text, fallback_desktop, 256) F(S, text, subsystems, SM_SUBSYSTEMS_ROOM)
#define SM_STARTED_FIELDS(F, S)        F(S, u16, id)
#define SM_CLOSE_WINDOWS_FIELDS(F, S)  F(S, u32, grace_ms)
#define SM_CONF_READ_FIELDS(F, S)      F(S, u32, groups)
#define SM_MANAGER_ANSWER_FIELDS(F, S) F(S, u8, answer)
#define SM_NOTICE_FIELDS(F, S)         F(S, u16, reason) F(S, text, detail, SM_DETAIL_ROOM)
#define SM_WINDOWS_CLOSED_FIELDS(F, S) F(S, u32, left)
#define SM_EVENT_FIELDS(F, S) \
    F(S, u32, event) F(S, u16, session) F(S, u64, time_ms) F(S, text, detail, SM_DETAIL_ROOM)
#define SM_SUBSYSTEM_ROOM              32
#define SM_SUBSYSTEM_LOAD_FIELDS(F, S) F(S, text, name, SM_SUBSYSTEM_ROOM)
#define SM_SUBSYSTEM_LOADED_FIELDS(F, S) \
    F(S, text, name, SM_SUBSYSTEM_ROOM) F(S, u16, reason) F(S, text, detail, SM_DETAIL_ROOM)
#define SM_PROCESS_END_FIELDS(F, S) F(S, u64, serial) F(S, u16, session) F(S, u32, pid) F(S, u8, kill)
#define SM_PROCESS_ENDED_FIELDS(F, S) \
    F(S, u64, serial) F(S, u16, session) F(S, u32, pid) F(S, u16, reason) F(S, text, detail, SM_DETAIL_ROOM)
#define SM_FACTS_FIELDS(F, S)         F(S, text, text, SM_DETAIL_ROOM)
#define SM_VIRTUAL_START_FIELDS(F, S) F(S, u64, logon) F(S, u32, user)
/* seconds: how long an answer may take before the one who should give it is taken to be hung */
#define SM_PING_FIELDS(F, S)          F(S, u16, seconds)
#define SM_PONG_FIELDS(F, S)          F(S, u8, who)
#define SM_VIEWER_FIELDS(F, S)        F(S, u16, id) F(S, u64, viewer)
#define SM_UPGRADE_FIELDS(F, S)       F(S, u32, uid)
#define SM_UPGRADE_BEGUN_FIELDS(F, S) F(S, u16, reason) F(S, text, detail, SM_DETAIL_ROOM)
#define SM_SHUTDOWN_FIELDS(F, S)      F(S, u8, action) F(S, u8, force) F(S, u32, uid) F(S, text, reason, 256)
#define SM_SHUTDOWN_STATUS_FIELDS(F, S) \
    F(S, u8, action)                    \
    F(S, u8, force)                     \
    F(S, text, phase, 32)               \
    F(S, u32, sessions) F(S, u32, phase_ms) F(S, text, waits_for, SM_DETAIL_ROOM)
#define SM_LISTENER_SET_FIELDS(F, S) F(S, u8, stopped)
#define SM_LISTENER_STATE_FIELDS(F, S) \
    F(S, u8, state)                    \
    F(S, u32, pid)                     \
    F(S, u16, port)                    \
    F(S, u32, connections)             \
    F(S, u64, accepted) F(S, u64, refused) F(S, u8, answer) F(S, text, address, 64)

enum sm_number { SM_MESSAGES(MESSAGE_NUMBER) };
SM_MESSAGES(MESSAGE_STRUCT)
union sm_body {
    SM_MESSAGES(MESSAGE_UNION)
};

extern const struct protocol sm_protocol;
