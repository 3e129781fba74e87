/* Lodge's configuration: one file, one table of keys. Every process reads the whole file and takes what it
 * needs. The file has [Section] lines, `key = value` lines, and comments from # or ; at the start of a line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_TEXT_MAX    255
#define CONF_MEMORY_MOST 16777216
#define CONF_TASKS_MOST  4194304
#define CONF_WEIGHT_MOST 10000

/* K(section, key, TYPE, field, minimum, maximum, default, reloadable, help). For TEXT and PATH the range is
 * that of the length; PATH values start with a slash, HOURS are as in common/hours.h, and a HOME is a path
 * with %u for the name of the user. A NUMBER from 0 to 1 may be written as no or yes. An ANSWER is ignore,
 * degraded or stop. */
#define CONF_KEYS(K)                                                                                         \
    K(Server, RunDirectory, PATH, run_directory, 2, 60, "/run/lodge", false,                                 \
      "where ports and per-session directories are")                                                         \
    K(Server, StateDirectory, PATH, state_directory, 2, 200, "/var/lib/lodge", false,                        \
      "where the database, the lab accounts and the certificate are")                                        \
    K(Server, BrokerUser, TEXT, broker_user, 1, 32, "lodge", false, "the account that the broker runs as")   \
    K(Server, FrontUser, TEXT, front_user, 1, 32, "lodge-rdp", false,                                        \
      "the account that the listener and the workers run as")                                                \
    K(Server, AdminGroup, TEXT, admin_group, 0, 32, "", false,                                               \
      "members of this group administer Lodge as root does; empty: root alone")                              \
    K(Server, LogLevel, NUMBER, log_level, 0, 3, "2", false,                                                 \
      "0 errors, 1 warnings, 2 information, 3 debugging")                                                    \
    K(Listener, Address, TEXT, address, 0, 64, "", false, "the address to listen on; empty: all of them")    \
    K(Listener, Port, NUMBER, port, 1, 65535, "3389", false, "the TCP port to listen on")                    \
    K(Listener, Certificate, PATH, certificate, 0, 255, "", false,                                           \
      "the PEM file with the certificate; empty: rdp-cert.pem in the state directory, made when missing")    \
    K(Listener, PrivateKey, PATH, private_key, 0, 255, "", false,                                            \
      "the PEM file with the key; empty: rdp-key.pem in the state directory, made when missing")             \
    K(Listener, MaxConnections, NUMBER, max_connections, 1, 65535, "1000", false, "connections in all")      \
    K(Listener, MaxPerAddress, NUMBER, max_per_address, 1, 65535, "250", false,                              \
      "connections from one address")                                                                        \
    K(Listener, MaxUnauthenticated, NUMBER, max_unauthenticated, 1, 65535, "300", false,                     \
      "connections that have not logged on yet")                                                             \
    K(Listener, LogonSeconds, NUMBER, logon_seconds, 5, 600, "60", false,                                    \
      "a connection that has not logged on after so many seconds is closed")                                 \
    K(Sessions, SingleSessionPerUser, NUMBER, single_session, 0, 1, "1", true,                               \
      "1: a user who has a session gets it back instead of a second one")                                    \
    K(Sessions, MaxSessions, NUMBER, max_sessions, 1, 65535, "200", true, "sessions in all")                 \
    K(Sessions, MaxSessionsPerUser, NUMBER, max_sessions_per_user, 1, 65535, "10", true,                     \
      "sessions of one user, where they may have several")                                                   \
    K(Sessions, MaxSessionsPerAddress, NUMBER, max_sessions_per_address, 0, 65535, "0", true,                \
      "sessions that were made from one client address; 0: no limit")                                        \
    K(Sessions, ReservedSeats, NUMBER, reserved_seats, 0, 65535, "0", true,                                  \
      "how many of MaxSessions are kept for root and the members of AdminGroup")                             \
    K(Sessions, TakeOver, NUMBER, take_over, 0, 2, "1", true,                                                \
      "with SingleSessionPerUser, 1: who connects from a second place takes the session over; 0: is "        \
      "refused; 2: is asked")                                                                                \
    K(Sessions, AllowedGroups, TEXT, allowed_groups, 0, 255, "", true,                                       \
      "who is in none of these groups may not log on; empty: everybody may")                                 \
    K(Sessions, DeniedGroups, TEXT, denied_groups, 0, 255, "", true,                                         \
      "who is in one of these groups may not log on")                                                        \
    K(Sessions, DenyConnections, NUMBER, deny_connections, 0, 1, "0", true,                                  \
      "1: nobody may connect, not even to a session that there is; sessions go on")                          \
    K(Sessions, MaxIdleSeconds, NUMBER, max_idle, 0, 31536000, "0", true,                                    \
      "how long the person may do nothing (no key, no mouse) before TimeoutAction; 0: for ever")             \
    K(Sessions, MaxConnectedSeconds, NUMBER, max_connected, 0, 31536000, "0", true,                          \
      "how long somebody may be connected before TimeoutAction; 0: for ever")                                \
    K(Sessions, MaxDisconnectedSeconds, NUMBER, max_disconnected, 0, 31536000, "0", true,                    \
      "how long a session may be disconnected before it is logged off; 0: for ever")                         \
    K(Sessions, WarningSeconds, NUMBER, warning_seconds, 0, 3600, "60", true,                                \
      "how long before TimeoutAction the person is told; 0: they are not")                                   \
    K(Sessions, TimeoutAction, NUMBER, timeout_action, 1, 2, "1", true,                                      \
      "after MaxIdleSeconds or MaxConnectedSeconds: 1: disconnect, 2: log off")                              \
    K(Sessions, BrokenConnection, NUMBER, broken_connection, 1, 2, "1", true,                                \
      "when a client goes away without a word of anybody's: 1: disconnect, 2: log off")                      \
    K(Sessions, LogonHours, HOURS, logon_hours, 0, 255, "", true,                                            \
      "when people other than administrators may be logged on, in local time; empty: always")                \
    K(Sessions, HoursAction, NUMBER, hours_action, 0, 2, "0", true,                                          \
      "when LogonHours end for somebody who is logged on: 0: nothing, 1: disconnect, 2: log off")            \
    K(Sessions, HoursWarningSeconds, NUMBER, hours_warning, 0, 3600, "300", true,                            \
      "how long before HoursAction the person is told; 0: they are not")                                     \
    K(Sessions, LogoffSeconds, NUMBER, logoff_seconds, 0, 600, "10", true,                                   \
      "how long programs may take to end at logoff before they are killed")                                  \
    K(Sessions, PidNamespace, NUMBER, pid_namespace, 0, 1, "1", false,                                       \
      "1: a session sees its own processes only")                                                            \
    K(Sessions, MemoryMaxMiB, NUMBER, memory_max, 0, CONF_MEMORY_MOST, "0", true,                            \
      "the memory of a session in MiB; 0: no bound")                                                         \
    K(Sessions, TasksMax, NUMBER, tasks_max, 0, CONF_TASKS_MOST, "8192", true,                               \
      "the processes and threads of a session; 0: no bound")                                                 \
    K(Sessions, CpuWeight, NUMBER, cpu_weight, 1, CONF_WEIGHT_MOST, "100", true,                             \
      "a session's share of the processors where they are short, as in cgroup v2")                           \
    K(Sessions, XServer, TEXT, x_server, 1, 32, "Xtigervnc", false,                                          \
      "the X server of a session: Xtigervnc, Xvfb or Xorg (with the dummy driver)")                          \
    K(Sessions, Desktop, TEXT, desktop, 0, 255, "", true,                                                    \
      "the command of a session whose user has no ~/.xsession; empty: the system's X session, else the "     \
      "light desktop")                                                                                       \
    K(Sessions, Home, HOME, home, 0, 200, "", true,                                                          \
      "the home of system accounts, a folder of theirs that is there, %u for the name; empty: the "          \
      "machine's")                                                                                           \
    K(Sessions, LabFirstUid, NUMBER, lab_first_uid, 1000, 2000000000, "70000", false,                        \
      "the first uid of lab accounts")                                                                       \
    K(Sessions, LabUids, NUMBER, lab_uids, 1, 1000000, "10000", false, "how many uids lab accounts may use") \
    K(Sessions, Fallback, TEXT, fallback_desktop, 0, 255, "lodge-desktop", false,                            \
      "the light desktop's command")                                                                         \
    K(Sessions, LockCommand, TEXT, lock_command, 0, 255, "", true,                                           \
      "the screen locker that lodgectl lock runs in a session; empty: one that is installed")                \
    K(Sessions, Clipboard, NUMBER, clipboard, 0, 3, "3", true,                                               \
      "what is copied between client and session: 0: nothing, 1: from the client, 2: to the client, "        \
      "3: both ways")                                                                                        \
    K(Sessions, Drives, NUMBER, drives, 0, 1, "1", true,                                                     \
      "1: drives and folders that the client offers are seen in the session")                                \
    K(Sessions, AudioPlayback, NUMBER, audio_playback, 0, 1, "1", true,                                      \
      "1: the session's sound is heard at the client")                                                       \
    K(Sessions, AudioCapture, NUMBER, audio_capture, 0, 1, "0", true,                                        \
      "1: programs of the session may record from the client's microphone")                                  \
    K(Sessions, Shadow, NUMBER, shadow, 0, 4, "1", true,                                                     \
      "whether administrators may shadow sessions: 0: no; 1: with control, 2: the same without asking the "  \
      "person; 3: looking on, 4: the same without asking")                                                   \
    K(Shutdown, DeadlineSeconds, NUMBER, shutdown_deadline, 5, 3600, "60", false,                            \
      "how long shutdown waits for processes that cannot be killed before it goes on without their end")     \
    K(Shutdown, HaltCommand, TEXT, halt_command, 0, 255, "", false,                                          \
      "the shell command that halts the machine, run once everything has ended; empty: the init system's")   \
    K(Shutdown, RebootCommand, TEXT, reboot_command, 0, 255, "", false, "likewise, to restart the machine")  \
    K(Licences, Mode, TEXT, licence_mode, 4, 10, "none", false,                                              \
      "who needs a licence: none, per-user, per-device, or concurrent: each session")                        \
    K(Licences, PoolSize, NUMBER, licence_pool, 0, 1000000, "0", true, "how many licences there are")        \
    K(Licences, GraceDays, NUMBER, licence_grace_days, 0, 3650, "120", true,                                 \
      "how long, from the first use of licensing on, it is only a warning that no licence is left")          \
    K(Licences, TemporaryDays, NUMBER, licence_temporary_days, 1, 3650, "90", true,                          \
      "the validity of the temporary licence that a device gets first")                                      \
    K(Licences, ReleaseOnDisconnect, NUMBER, licence_release, 0, 1, "0", true,                               \
      "concurrent: 1: a disconnected session gives its seat back, 0: it keeps it until logoff")              \
    K(Licences, RevokePercent, NUMBER, licence_revoke_percent, 0, 100, "20", true,                           \
      "how much of the pool may be revoked at a time, in percent")                                           \
    K(LoadTest, VirtualSessions, NUMBER, virtual_sessions, 0, 1, "0", false,                                 \
      "1: load tests only: sessions are made without processes, and nobody can log on")                      \
    K(Events, MaxDays, NUMBER, events_days, 0, 36500, "365", true,                                           \
      "events that are older than so many days are deleted; 0: no bound")                                    \
    K(Events, MaxMiB, NUMBER, events_mib, 0, 1048576, "512", true,                                           \
      "the oldest events are deleted when the database is larger than so many MiB; 0: no bound")             \
    K(Events, Syslog, TEXT, syslog, 2, 7, "auto", true,                                                      \
      "where events go besides: journal, syslog, auto (the one that is there) or no")                        \
    K(Events, SyslogSocket, PATH, syslog_socket, 0, 100, "", true,                                           \
      "the socket of journal or syslog; empty: the usual one")                                               \
    K(Supervision, HangSeconds, NUMBER, hang_seconds, 0, 3600, "15", false,                                  \
      "a process of Lodge that does not answer for so many seconds is hung and is killed; 0: none is asked") \
    K(Supervision, ServiceRestarts, NUMBER, service_restarts, 1, 99, "10", false,                            \
      "how often broker or listener may end within RestartSeconds before ServiceFailure applies")            \
    K(Supervision, RestartSeconds, NUMBER, restart_seconds, 1, 86400, "60", false,                           \
      "the time that ServiceRestarts is about")                                                              \
    K(Supervision, ServiceFailure, NUMBER, service_failure, 1, 3, "1", false,                                \
      "when a service cannot be kept alive: 1: start it on and on, 2: shut the server down, 3: restart the " \
      "machine")                                                                                             \
    K(Boot, OnEnvironment, ANSWER, on_environment, 0, 2, "degraded", false,                                  \
      "when the system variables cannot be set")                                                             \
    K(Boot, OnDosDevices, ANSWER, on_devices, 0, 2, "degraded", false,                                       \
      "when a device name leads nowhere, or round in a circle")                                              \
    K(Boot, OnPendingFileRename, ANSWER, on_renames, 0, 2, "degraded", false,                                \
      "when a queued rename or delete operation cannot be carried out")                                      \
    K(Boot, OnBootExecute, ANSWER, on_execute, 0, 2, "degraded", false,                                      \
      "when a command of [BootExecute] fails or takes too long")                                             \
    K(Boot, OnPagingFiles, ANSWER, on_paging, 0, 2, "ignore", false,                                         \
      "when a paging file cannot be made or used")                                                           \
    K(Boot, OnCrashRecords, ANSWER, on_crashes, 0, 2, "ignore", false,                                       \
      "when it cannot be found out what the previous run left")                                              \
    K(Boot, BootExecuteSeconds, NUMBER, execute_seconds, 1, 3600, "30", false,                               \
      "how long each command of [BootExecute] may take before it is killed")                                 \
    K(PendingFileRename, Roots, TEXT, rename_roots, 0, 255, "", false,                                       \
      "the folders, with colons between them, that queued renames and deletes may change; empty: the state " \
      "directory, the folder of Lodge's programs, and /etc/lodge")                                           \
    K(MemoryManagement, PagingFiles, TEXT, paging_files, 0, 255, "", false,                                  \
      "files to swap to: path, least and greatest size in MiB, with commas between files; empty: none")      \
    K(Boot, OnSubSystems, ANSWER, on_subsystems, 0, 2, "degraded", false,                                    \
      "when a required subsystem cannot be started")                                                         \
    K(SubSystems, Required, TEXT, required_subsystems, 0, 255, "", false,                                    \
      "the names of the subsystems that are started at boot, with blanks between them")                      \
    K(SubSystems, Optional, TEXT, optional_subsystems, 0, 255, "", false,                                    \
      "the names of those that are started when somebody asks for them")

enum conf_type { CONF_TEXT, CONF_PATH, CONF_NUMBER, CONF_ANSWER, CONF_HOURS, CONF_HOME };

/* What is done about a step of the boot that failed: nothing, the server counts as degraded, or the boot
 * stops. */
enum conf_answer { CONF_IGNORE, CONF_DEGRADED, CONF_STOP };

#define CONF_FIELD_TEXT(field)   char field[CONF_TEXT_MAX + 1];
#define CONF_FIELD_PATH(field)   char field[CONF_TEXT_MAX + 1];
#define CONF_FIELD_NUMBER(field) long field;
#define CONF_FIELD_ANSWER(field) enum conf_answer field;
#define CONF_FIELD_HOURS(field)  char field[CONF_TEXT_MAX + 1];
#define CONF_FIELD_HOME(field)   char field[CONF_TEXT_MAX + 1];
#define CONF_FIELD(section, key, type, field, minimum, maximum, initial, reloadable, help) \
    CONF_FIELD_##type(field)
/* The keys of [Sessions], by field, that a section [Group NAME] may set for the members of a group; numbers,
 * then texts. MaxSessions of a group is a limit of its own: for the sessions of its members together. */
#define CONF_GROUP_NUMBERS(G) \
    G(max_sessions_per_user)  \
    G(take_over)              \
    G(max_idle)               \
    G(max_connected)          \
    G(max_disconnected)       \
    G(warning_seconds)        \
    G(timeout_action)         \
    G(broken_connection)      \
    G(hours_action)           \
    G(hours_warning)          \
    G(max_sessions)           \
    G(logoff_seconds)         \
    G(memory_max)             \
    G(tasks_max)              \
    G(cpu_weight)             \
    G(clipboard) G(drives) G(audio_playback) G(audio_capture) G(shadow)
#define CONF_GROUP_TEXTS(G)    G(logon_hours) G(desktop) G(home)
#define CONF_GROUPS_MAX        16
#define CONF_GROUP_ENUM(field) CONF_GROUP_##field,
enum { CONF_GROUP_NUMBERS(CONF_GROUP_ENUM) CONF_GROUP_TEXTS(CONF_GROUP_ENUM) CONF_GROUP_KEY_COUNT };
#undef CONF_GROUP_ENUM
#define CONF_GROUP_COUNT(field) +1
enum {
    CONF_GROUP_NUMBER_COUNT = 0 CONF_GROUP_NUMBERS(CONF_GROUP_COUNT),
    CONF_GROUP_TEXT_COUNT = CONF_GROUP_KEY_COUNT - CONF_GROUP_NUMBER_COUNT
};
#undef CONF_GROUP_COUNT

/* Which of the sections of groups, by their place in conf.groups, a user is in. */
typedef uint16_t conf_members;
_Static_assert(CONF_GROUPS_MAX <= 16, "each section has its bit");

struct conf_group {
    char name[33];
    unsigned lines[CONF_GROUP_KEY_COUNT]; /* that set the value, 0: it is not set here */
    long numbers[CONF_GROUP_NUMBER_COUNT];
    char texts[CONF_GROUP_TEXT_COUNT][CONF_TEXT_MAX + 1];
};

struct conf {
    CONF_KEYS(CONF_FIELD)
    struct conf_group groups[CONF_GROUPS_MAX]; /* in the order of the file */
    size_t group_count;
};

#define CONF_COUNT(...) +1
enum { CONF_KEY_COUNT = 0 CONF_KEYS(CONF_COUNT) };
#undef CONF_COUNT

struct conf_key {
    const char *section, *key;
    enum conf_type type;
    size_t offset;
    long minimum, maximum;
    const char *initial;
    bool reloadable;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;
/* What the key of this place in conf_keys is for. */
const char *conf_key_help(size_t index);

/* Fills *conf_r with the defaults. */
void conf_defaults(struct conf *conf_r);
/* Reads `size` bytes of a file called `name` over the values in *conf_r. Returns true, or false with *conf_r
 * untouched and in `error` (room for error_size bytes) the file, the line and the accepted range. */
bool conf_parse(struct conf *conf_r, const char *name, const char *text, size_t size, char *error,
                size_t error_size);
/* Defaults, then the file at `path`; a missing file is an error. As conf_parse. */
bool conf_load(struct conf *conf_r, const char *path, char *error, size_t error_size);

/* As conf_load, and sets for each key the line that gave its value, 0: it is the default. */
bool conf_load_lines(struct conf *conf_r, unsigned lines_r[CONF_KEY_COUNT], const char *path, char *error,
                     size_t error_size);
/* The value of the key as the file would have it, in a buffer of the caller's of `size` bytes. Returns it. */
const char *conf_value(const struct conf *conf, const struct conf_key *key, char *text, size_t size);
/* The key that a section of a group sets with its value number `index` (below CONF_GROUP_KEY_COUNT). */
const struct conf_key *conf_group_key(size_t index);
/* The value number `index` of the section as the file would have it, in a buffer of the caller's of `size`
 * bytes. Returns it. */
const char *conf_group_value(const struct conf_group *group, size_t index, char *text, size_t size);
/* The section that gives value number `index` to a member of those groups: the first of them that sets it.
 * NULL: that of [Sessions] holds. */
const struct conf_group *conf_group_of(const struct conf *conf, conf_members members, size_t index);
/* What holds for a member of those groups of value number `index`; not for CONF_GROUP_max_sessions. */
long conf_number_for(const struct conf *conf, conf_members members, size_t index);
const char *conf_text_for(const struct conf *conf, conf_members members, size_t index);
/* Takes the key's value from `from`. */
void conf_copy_value(struct conf *to, const struct conf *from, const struct conf_key *key);

/* The path `name` in the run or the state directory, in a buffer of the caller's of `size` bytes. Returns it.
 */
const char *conf_run_path(const struct conf *conf, const char *name, char *path, size_t size);
const char *conf_state_path(const struct conf *conf, const char *name, char *path, size_t size);

#define CONF_DEFAULT_FILE "/etc/lodge/lodge.conf"
