/* The events of the server's history: one table for whoever makes, keeps, forwards and shows them. */
#pragma once

#include <stdint.h>

#include "common/log.h"

/* E(SYMBOL, id, name, priority of syslog(3): 0 emergency ... 3 error, 4 warning, 5 notice, 6 information).
 * Ids as in the Windows channel TerminalServices-LocalSessionManager; from 1000 on Lodge's own. */
#define EVENTS(E)                                                      \
    E(LOGON, 21, "logon", 6)                                           \
    E(SHELL_START, 22, "shell-start", 6)                               \
    E(LOGOFF, 23, "logoff", 6)                                         \
    E(DISCONNECT, 24, "disconnect", 6)                                 \
    E(RECONNECT, 25, "reconnect", 6)                                   \
    /* by somebody's request, named in the detail */                   \
    E(DISCONNECTED_BY, 39, "disconnected-by", 6)                       \
    /* for the reason given */                                         \
    E(DISCONNECTED_REASON, 40, "disconnected-for", 6)                  \
    E(REFUSED, 1000, "refused", 5)                                     \
    E(BROKER_START, 1001, "broker-start", 6)                           \
    E(BROKER_STOP, 1002, "broker-stop", 6)                             \
    /* a session ended before it was up */                             \
    E(SESSION_FAILED, 1003, "session-failed", 3)                       \
    /* events were lost; the detail says how many */                   \
    E(LOST, 1004, "events-lost", 4)                                    \
    /* the drain mode was set; the detail has it, and who */           \
    E(DRAIN, 1010, "drain", 5)                                         \
    /* the configuration was read anew; the detail has what changed */ \
    E(RELOAD, 1011, "reload", 5)                                       \
    /* a process of a session was ended: which, how, and who asked */  \
    E(PROCESS_TERMINATED, 1020, "process-terminated", 5)               \
    /* the database cannot be written: why; and it can be again */     \
    E(STORAGE_FAILED, 1012, "storage-failed", 2)                       \
    E(STORAGE_WORKS, 1013, "storage-works", 5)                         \
    /* it was corrupt: where it is now, and a new one was begun */     \
    E(STORAGE_ASIDE, 1014, "storage-set-aside", 2)                     \
    /* journal or syslog did not take events: how many */              \
    E(SYSLOG_LOST, 1015, "syslog-lost", 4)                             \
    /* the desktop of a session was locked, unlocked */                \
    E(LOCK, 1021, "lock", 6)                                           \
    E(UNLOCK, 1022, "unlock", 6)                                       \
    /* the detail says which, and whose */                             \
    E(LICENCE_ISSUED, 1030, "licence-issued", 6)                       \
    E(LICENCE_REVOKED, 1031, "licence-revoked", 5)                     \
    /* somebody was let in without; the detail says why */             \
    E(LICENCE_WARNING, 1032, "licence-warning", 4)                     \
    /* a step of the boot: which, and what came of it */               \
    E(BOOT_STEP, 1040, "boot-step", 6)                                 \
    E(BOOT_STEP_FAILED, 1041, "boot-step-failed", 4)                   \
    /* logons are accepted; after what time, degraded or not */        \
    E(BOOT, 1042, "boot", 6)                                           \
    /* what the run before left */                                     \
    E(CRASH_RECORD, 1043, "crash-record", 4)                           \
    /* a queued operation was carried out, or not */                   \
    E(PENDING_FILE, 1044, "pending-file", 6)                           \
    E(PENDING_FILE_FAILED, 1045, "pending-file-failed", 4)             \
    /* a command of [BootExecute]: how it ended, and what it said */   \
    E(BOOT_EXECUTE, 1046, "boot-execute", 6)                           \
    E(BOOT_EXECUTE_FAILED, 1047, "boot-execute-failed", 4)             \
    E(PAGING_FILE, 1048, "paging-file", 6)                             \
    E(PAGING_FILE_FAILED, 1049, "paging-file-failed", 4)               \
    /* processes that ended unasked: how, and after what time */       \
    E(SERVICE_EXIT, 1060, "service-exit", 3)                           \
    E(LOGON_EXIT, 1061, "logon-exit", 3)                               \
    E(INIT_EXIT, 1062, "init-exit", 3)                                 \
    E(X_SERVER_EXIT, 1063, "x-server-exit", 3)                         \
    E(AGENT_EXIT, 1064, "agent-exit", 4)                               \
    /* the same of a desktop, also when it ends as it should */        \
    E(DESKTOP_EXIT, 1065, "desktop-exit", 6)                           \
    /* a process did not answer in time, and was killed */             \
    E(HUNG, 1066, "hung", 3)                                           \
    /* a service cannot be kept alive; the detail has what follows */  \
    E(SERVICE_FAILED, 1067, "service-failed", 2)                       \
    /* lodge-smss came back: what went on, and what was swept up */    \
    E(RECOVERED, 1068, "recovered", 4)                                 \
    /* a configured subsystem of a session: how it ended */            \
    E(SUBSYSTEM_EXIT, 1069, "subsystem-exit", 4)                       \
    /* the listener takes no clients any more; again; by whom */       \
    E(LISTENER_STOP, 1016, "listener-stop", 5)                         \
    E(LISTENER_START, 1017, "listener-start", 5)                       \
    /* a countdown to a shutdown runs; was called off */               \
    E(SHUTDOWN_SET, 1080, "shutdown-set", 5)                           \
    E(SHUTDOWN_ABORT, 1081, "shutdown-abort", 5)                       \
    /* it has begun; a phase of it is over; what follows it */         \
    E(SHUTDOWN_BEGIN, 1082, "shutdown-begin", 5)                       \
    E(SHUTDOWN_PHASE, 1083, "shutdown-phase", 5)                       \
    E(SHUTDOWN_ACTION, 1084, "shutdown-action", 5)                     \
    /* processes that cannot be killed, by name */                     \
    E(STRAGGLER, 1085, "straggler", 4)                                 \
    /* an upgrade in place has begun; is over; was not begun */        \
    E(UPGRADE_STARTED, 1090, "upgrade-started", 5)                     \
    E(UPGRADED, 1091, "upgraded", 5)                                   \
    E(UPGRADE_REFUSED, 1092, "upgrade-refused", 3)                     \
    /* a part went back; it is over, and not everything is new */      \
    E(UPGRADE_ROLLED_BACK, 1093, "upgrade-rolled-back", 3)             \
    E(UPGRADE_FAILED, 1094, "upgrade-failed", 3)                       \
    /* a session is shown to another client besides: whose, how */     \
    E(SHADOW_START, 1100, "shadow-start", 5)                           \
    E(SHADOW_STOP, 1101, "shadow-stop", 5)                             \
    /* it was not: by the configuration or by its person */            \
    E(SHADOW_REFUSED, 1102, "shadow-refused", 4)                       \
    /* a desktop's session manager was asked to end it: the answer */  \
    E(DESKTOP_ASKED, 1110, "desktop-asked", 6)

#define EVENT_ENUM(symbol, id, name, priority) EVENT_##symbol = (id),
enum event_id { EVENTS(EVENT_ENUM) };
#undef EVENT_ENUM

/* "logon", "disconnect" ...; "event" for an id that is not in the table. */
const char *event_name(uint32_t id);
/* The id of a name, 0: there is none of that name. */
uint32_t event_find(const char *name);
/* The priority of syslog(3); 6 for an id that is not in the table. */
int event_priority(uint32_t id);
/* The level of the log that it is written with. */
enum log_level event_level(uint32_t id);
