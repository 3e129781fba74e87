/* Why something was refused or ended: one table for every process. A reason has a number (on the wire), a
 * name (JSON, events), a sentence for the person, and the RDP error info code that an RDP client is told. */
#pragma once

#include <stdint.h>

/* R(NAME, name, error info of [MS-RDPBCGR] 2.2.5.1.1, sentence). The order is the wire number: append only.
 */
#define REASONS(R)                                                                                           \
    R(NONE, "none", 0x0, "Done.")                                                                            \
    R(INTERNAL, "internal-error", 0x0,                                                                       \
      "Something inside the server failed. The administrator's log says what.")                              \
    R(CREDENTIALS, "bad-credentials", 0x0, "The user name or the password is wrong.")                        \
    R(NAME, "bad-name", 0x0, "The user name is empty, too long, or holds characters that no name may have.") \
    R(LOCKED, "account-locked", 0x9, "This account is locked. Ask your administrator to unlock it.")         \
    R(EXPIRED, "account-expired", 0x9, "This account has expired. Ask your administrator to renew it.")      \
    R(PASSWORD_EXPIRED, "password-expired", 0x9,                                                             \
      "Your password has expired. Ask your administrator for a new one.")                                    \
    R(DENIED, "logon-denied", 0x9, "This account may not log on here.")                                      \
    R(SESSION_LIMIT, "session-limit", 0x6,                                                                   \
      "This server has as many sessions as it may have. Try again later.")                                   \
    R(USER_LIMIT, "user-limit", 0x9, "You have as many sessions as you may have.")                           \
    R(DRAIN, "draining", 0x6, "This server takes no new sessions at the moment. Try again later.")           \
    R(TAKEN_OVER, "taken-over", 0x5, "You connected from another place, which has your session now.")        \
    R(DISCONNECTED, "disconnected-by-administrator", 0xb,                                                    \
      "An administrator disconnected you. Your session is still running.")                                   \
    R(LOGOFF, "logoff", 0xc, "You are logged off.")                                                          \
    R(LOGOFF_ADMIN, "logoff-by-administrator", 0x2, "An administrator logged you off.")                      \
    R(SHUTDOWN, "shutdown", 0x1, "The server is shutting down.")                                             \
    R(CLIENT_GONE, "client-gone", 0x0, "The client went away. The session is still running.")                \
    R(DESKTOP_FAILED, "desktop-failed", 0x10, "The desktop could not be started.")                           \
    R(DISPLAY_FAILED, "display-failed", 0x10, "The display server could not be started.")                    \
    R(SESSION_FAILED, "session-failed", 0x10,                                                                \
      "The session could not be made. The administrator's log says why.")                                    \
    R(SESSION_DIED, "session-died", 0x10,                                                                    \
      "The session ended unexpectedly. The administrator's log says why.")                                   \
    R(NO_SESSION, "no-such-session", 0x0, "There is no such session.")                                       \
    R(FORBIDDEN, "forbidden", 0x0, "You may not do this.")                                                   \
    R(BAD_REQUEST, "bad-request", 0x0, "The request breaks the protocol.")                                   \
    R(BUSY, "busy", 0x6, "The server has too many logons under way. Try again in a moment.")                 \
    R(TIMED_OUT, "timed-out", 0x8, "The logon took too long.")                                               \
    R(THROTTLED, "throttled", 0x6, "There are too many connections from your address.")                      \
    R(NO_BROKER, "broker-away", 0x6, "The session broker is starting again. Try again in a moment.")         \
    R(WRONG_STATE, "wrong-state", 0x0, "The session is not in a state that allows this.")                    \
    R(CONNECTIONS_DENIED, "connections-denied", 0x7, "This server takes no connections at the moment.")      \
    R(IDLE_TIMEOUT, "idle-timeout", 0x3, "You did nothing for as long as this server allows.")               \
    R(TIME_LIMIT, "time-limit", 0x4, "You were connected for as long as this server allows.")                \
    R(DISCONNECTED_LIMIT, "disconnected-limit", 0x4,                                                         \
      "The session was disconnected for as long as this server allows.")                                     \
    R(BROKEN, "connection-broken", 0x0, "The connection broke, and this server ends a session then.")        \
    R(NO_LICENCE, "no-licence", 0x102, "This server has no licence left for you. Tell your administrator.")  \
    R(ADDRESS_LIMIT, "address-limit", 0x6, "There are as many sessions from your address as there may be.")  \
    R(ELSEWHERE, "connected-elsewhere", 0x7, "Somebody is connected to your session from another place.")    \
    R(BAD_CONFIGURATION, "bad-configuration", 0x0,                                                           \
      "The configuration is not in order; what held before holds on.")                                       \
    R(LOGON_HOURS, "logon-hours", 0x7, "You may not be logged on at this time.")                             \
    R(HOURS_OVER, "hours-over", 0x4, "The time in which you may be logged on is over.")                      \
    R(NO_PROCESS, "no-such-process", 0x0, "There is no such process in the session.")                        \
    R(GROUP_LIMIT, "group-limit", 0x6, "Your group has as many sessions as it may have. Try again later.")   \
    R(MOVED, "moved", 0x0, "You were connected to another session.")                                         \
    R(NO_SUBSYSTEM, "no-such-subsystem", 0x0, "The configuration has no such subsystem.")                    \
    R(UPGRADE_REFUSED, "upgrade-refused", 0x0, "The new programs are not in order. The old ones go on.")     \
    R(SHADOW_REFUSED, "shadow-refused", 0x0, "The person at the session did not allow it.")

#define REASON_ENUM(symbol, name, error_info, sentence) REASON_##symbol,
enum reason { REASONS(REASON_ENUM) REASON_COUNT };
#undef REASON_ENUM

/* A number outside the table, as from the wire, counts as REASON_INTERNAL in all three. */
const char *reason_name(uint32_t reason);
const char *reason_sentence(uint32_t reason);
/* The code for Set Error Info, 0 where the protocol has none. */
uint32_t reason_error_info(uint32_t reason);
