/* The winstation channel: between a session's display agent and its viewers (the workers), and between the
 * agent and the broker, which attaches and detaches viewers and is out of the way of pixels and input.
 *
 * The agent's listening socket is RUN/winstation/ID.port, made by lodge-logon in a directory that only root
 * and the broker may enter, and handed down through lodge-init; the broker connects to it, one connection at
 * a time (a new one replaces the old). The agent then names each viewer it has (VIEWER), and says SYNCED
 * after them.
 *
 * Frames are in a memfd that comes with SCREEN: width x height pixels of 32 bits, B G R x in memory, `stride`
 * bytes a row. The agent (by way of the X server) writes it, viewers map it read-only. DAMAGE names what
 * changed since the last DAMAGE to this viewer; the next follows only after this viewer's FRAME_DONE, and
 * then covers all that changed meanwhile: a slow viewer gets fewer frames, never old ones. A row that changes
 * while it is read is damaged again, so what is seen is right in the end. SCREEN comes when its memory has
 * been filled once, and a DAMAGE of all of it follows; a DAMAGE that a SCREEN overtook is answered too. */
#pragma once

#include "rpc/message.h"

#define WINSTATION_VERSION         1
#define WINSTATION_MAX_WIDTH       8192
#define WINSTATION_MAX_HEIGHT      8192
#define WINSTATION_MIN_SIZE        200
#define WINSTATION_POINTER_SIDE    96
#define WINSTATION_POINTER_MAX     (WINSTATION_POINTER_SIDE * WINSTATION_POINTER_SIDE * 4)

#define WINSTATION_ENVIRONMENT_MAX 32768

enum winstation_role { WINSTATION_BY_BROKER = 1, WINSTATION_BY_AGENT = 2, WINSTATION_BY_VIEWER = 4 };

/* Bits of KEY's flags. */
enum winstation_key_flag {
    WINSTATION_KEY_DOWN = 1,
    WINSTATION_KEY_EXTENDED = 2,
    WINSTATION_KEY_EXTENDED1 = 4
};

/* Bits of MOUSE's buttons that are down after the event. */
enum winstation_button {
    WINSTATION_LEFT = 1,
    WINSTATION_RIGHT = 2,
    WINSTATION_MIDDLE = 4,
    WINSTATION_BACK = 8,
    WINSTATION_FORWARD = 16,
};

/* Bits of CAPABILITIES. */
enum winstation_capability { WINSTATION_CAN_REDIRECT = 1, WINSTATION_CAN_SHADOW = 2 };

/* Bits of LOCKS. */
enum winstation_lock { WINSTATION_SCROLL = 1, WINSTATION_NUM = 2, WINSTATION_CAPS = 4 };

#define WINSTATION_MESSAGES(M)                                                                              \
    /* broker -> agent: this viewer's end of the channel; size and layout of its client */                  \
    M(WINSTATION, winstation, ATTACH, attach, 1, WINSTATION_BY_BROKER, 1, 1)                                \
    /* broker -> agent: say BYE with this reason to the viewer and let it go (0: to every viewer) */        \
    M(WINSTATION, winstation, DETACH, detach, 2, WINSTATION_BY_BROKER, 0, 0)                                \
    /* agent -> broker: a viewer that is there */                                                           \
    M(WINSTATION, winstation, VIEWER, viewer, 3, WINSTATION_BY_AGENT, 0, 0)                                 \
    /* agent -> broker: a viewer that has gone by itself */                                                 \
    M(WINSTATION, winstation, VIEWER_GONE, viewer_gone, 4, WINSTATION_BY_AGENT, 0, 0)                       \
    /* agent -> broker: every viewer has been named since the connection */                                 \
    M(WINSTATION, winstation, SYNCED, synced, 5, WINSTATION_BY_AGENT, 0, 0)                                 \
    /* broker -> agent: show this message in the session; style as WTSSendMessage's (MB_OK ...              \
     * MB_RETRYCANCEL, the icon bits); timeout in seconds, 0: none */                                       \
    M(WINSTATION, winstation, MESSAGE, message, 6, WINSTATION_BY_BROKER, 0, 0)                              \
    /* agent -> broker: what the person answered: IDOK (1) ... IDNO (7), IDTIMEOUT (32000), or 0: it could  \
     * not be shown */                                                                                      \
    M(WINSTATION, winstation, MESSAGE_ANSWER, message_answer, 7, WINSTATION_BY_AGENT, 0, 0)                 \
    /* agent -> broker: the time of the person's last input (CLOCK_MONOTONIC), at most once a second, and   \
     * before SYNCED */                                                                                     \
    M(WINSTATION, winstation, INPUT, input, 8, WINSTATION_BY_AGENT, 0, 0)                                   \
    /* broker -> agent: take this message away, unanswered */                                               \
    M(WINSTATION, winstation, MESSAGE_CANCEL, message_cancel, 12, WINSTATION_BY_BROKER, 0, 0)               \
    /* broker -> agent: lock the desktop, with this locker (a shell command; empty: one that is there) */   \
    M(WINSTATION, winstation, LOCK_DESKTOP, lock_desktop, 9, WINSTATION_BY_BROKER, 0, 0)                    \
    /* agent -> broker: whether it is locked, and the number of the X display: before SYNCED, at each       \
     * change, and as the answer to a LOCK_DESKTOP (serial; else 0) */                                      \
    M(WINSTATION, winstation, DESKTOP, desktop, 10, WINSTATION_BY_AGENT, 0, 0)                              \
    /* broker -> agent: with no variables: what was the desktop started with? agent -> broker: NAME=VALUE,  \
     * a NUL behind each; values of what sounds secret are left out */                                      \
    M(WINSTATION, winstation, ENVIRONMENT, environment, 11, WINSTATION_BY_BROKER | WINSTATION_BY_AGENT, 0,  \
      0)                                                                                                    \
    /* agent -> broker: what it understands beyond what the first agents did: before SYNCED. Nobody asks an \
     * agent for what it does not: after an upgrade in place it may be of an earlier build */               \
    M(WINSTATION, winstation, CAPABILITIES, capabilities, 13, WINSTATION_BY_AGENT, 0, 0)                    \
    /* agent -> viewer: the frame memory, at attach and after each change of size */                        \
    M(WINSTATION, winstation, SCREEN, screen, 16, WINSTATION_BY_AGENT, 1, 1)                                \
    M(WINSTATION, winstation, DAMAGE, damage, 17, WINSTATION_BY_AGENT, 0, 0)                                \
    /* agent -> viewer: the pointer's shape, B G R A premultiplied, rows without gaps; width 0: hidden */   \
    M(WINSTATION, winstation, POINTER, pointer, 18, WINSTATION_BY_AGENT, 0, 0)                              \
    /* agent -> viewer: a program moved the pointer */                                                      \
    M(WINSTATION, winstation, POINTER_MOVED, pointer_moved, 19, WINSTATION_BY_AGENT, 0, 0)                  \
    /* agent -> viewer: the channel ends, for this reason; a detail for the person may be there */          \
    M(WINSTATION, winstation, BYE, bye, 20, WINSTATION_BY_AGENT, 0, 0)                                      \
    /* agent -> viewer: the SEQPACKET socket of the program that stands for this kind of redirection in     \
     * the session */                                                                                       \
    M(WINSTATION, winstation, REDIRECT, redirect, 21, WINSTATION_BY_AGENT, 1, 1)                            \
    /* broker -> agent: the end of the channel of a viewer that shadows the session: it is shown what is    \
     * there. Its keys and mouse count with `control` alone; of LOCKS that every key is up; RESIZE and      \
     * REDIRECT_WANTED never. It is not named in VIEWER, and sent away when the broker goes */              \
    M(WINSTATION, winstation, SHADOW, shadow, 22, WINSTATION_BY_BROKER, 1, 1)                               \
    /* viewer -> agent: the last DAMAGE has been used up */                                                 \
    M(WINSTATION, winstation, FRAME_DONE, frame_done, 32, WINSTATION_BY_VIEWER, 0, 0)                       \
    /* viewer -> agent: a scancode of set 1 */                                                              \
    M(WINSTATION, winstation, KEY, key, 33, WINSTATION_BY_VIEWER, 0, 0)                                     \
    /* viewer -> agent: a UTF-16 code unit */                                                               \
    M(WINSTATION, winstation, TEXT, text, 34, WINSTATION_BY_VIEWER, 0, 0)                                   \
    /* viewer -> agent: position, buttons now down, wheel turns in 1/120 (two's complement) */              \
    M(WINSTATION, winstation, MOUSE, mouse, 35, WINSTATION_BY_VIEWER, 0, 0)                                 \
    /* viewer -> agent: every key is up, and these locks are on */                                          \
    M(WINSTATION, winstation, LOCKS, locks, 36, WINSTATION_BY_VIEWER, 0, 0)                                 \
    /* viewer -> agent: the size the client wants, a new SCREEN follows */                                  \
    M(WINSTATION, winstation, RESIZE, resize, 37, WINSTATION_BY_VIEWER, 0, 0)                               \
    /* viewer -> agent: 1: show nothing for now (minimised); 0: show again, all of it is damaged, and the   \
     * pointer's shape is told again */                                                                     \
    M(WINSTATION, winstation, SUPPRESS, suppress, 38, WINSTATION_BY_VIEWER, 0, 0)                           \
    /* viewer -> agent: start the program of this kind of redirection, with these bits                      \
     * (common/redirect.h); a REDIRECT follows, or nothing where that cannot be had */                      \
    M(WINSTATION, winstation, REDIRECT_WANTED, redirect_wanted, 39, WINSTATION_BY_VIEWER, 0, 0)

#define WINSTATION_ATTACH_FIELDS(F, S) \
    F(S, u64, viewer) F(S, u16, width) F(S, u16, height) F(S, u32, keyboard_layout)
#define WINSTATION_DETACH_FIELDS(F, S)      F(S, u64, viewer) F(S, u16, reason) F(S, text, detail, 512)
#define WINSTATION_VIEWER_FIELDS(F, S)      F(S, u64, viewer)
#define WINSTATION_VIEWER_GONE_FIELDS(F, S) F(S, u64, viewer)
#define WINSTATION_SYNCED_FIELDS(F, S)      F(S, u16, width) F(S, u16, height)
#define WINSTATION_MESSAGE_FIELDS(F, S) \
    F(S, u64, serial) F(S, u32, style) F(S, u32, timeout_s) F(S, text, title, 256) F(S, text, text, 2048)
#define WINSTATION_MESSAGE_ANSWER_FIELDS(F, S) F(S, u64, serial) F(S, u32, response)
#define WINSTATION_MESSAGE_CANCEL_FIELDS(F, S) F(S, u64, serial)
#define WINSTATION_INPUT_FIELDS(F, S)          F(S, u64, monotonic_ms)
#define WINSTATION_LOCK_DESKTOP_FIELDS(F, S)   F(S, u64, serial) F(S, text, command, 256)
#define WINSTATION_DESKTOP_FIELDS(F, S)        F(S, u64, serial) F(S, u8, locked) F(S, u16, display)
#define WINSTATION_ENVIRONMENT_FIELDS(F, S) \
    F(S, u64, serial) F(S, bytes, variables, WINSTATION_ENVIRONMENT_MAX)
#define WINSTATION_CAPABILITIES_FIELDS(F, S) F(S, u32, bits)
#define WINSTATION_SCREEN_FIELDS(F, S)       F(S, u16, width) F(S, u16, height) F(S, u32, stride)
#define WINSTATION_DAMAGE_FIELDS(F, S)       F(S, rects, rectangles)
#define WINSTATION_POINTER_FIELDS(F, S) \
    F(S, u16, hot_x)                    \
    F(S, u16, hot_y) F(S, u16, width) F(S, u16, height) F(S, bytes, pixels, WINSTATION_POINTER_MAX)
#define WINSTATION_POINTER_MOVED_FIELDS(F, S) F(S, u16, x) F(S, u16, y)
#define WINSTATION_BYE_FIELDS(F, S)           F(S, u16, reason) F(S, text, detail, 512)
#define WINSTATION_SHADOW_FIELDS(F, S)        F(S, u64, viewer) F(S, u8, control)
#define WINSTATION_FRAME_DONE_FIELDS(F, S)    F(S, u8, unused)
#define WINSTATION_KEY_FIELDS(F, S)           F(S, u8, flags) F(S, u8, scancode)
#define WINSTATION_TEXT_FIELDS(F, S)          F(S, u8, down) F(S, u16, unit)
#define WINSTATION_MOUSE_FIELDS(F, S) \
    F(S, u16, x) F(S, u16, y) F(S, u8, buttons) F(S, u16, wheel) F(S, u16, horizontal_wheel)
#define WINSTATION_LOCKS_FIELDS(F, S)           F(S, u8, locks)
#define WINSTATION_RESIZE_FIELDS(F, S)          F(S, u16, width) F(S, u16, height)
#define WINSTATION_SUPPRESS_FIELDS(F, S)        F(S, u8, suppressed)
#define WINSTATION_REDIRECT_FIELDS(F, S)        F(S, u8, kind)
#define WINSTATION_REDIRECT_WANTED_FIELDS(F, S) F(S, u8, kind) F(S, u32, bits)

enum winstation_number { WINSTATION_MESSAGES(MESSAGE_NUMBER) };
WINSTATION_MESSAGES(MESSAGE_STRUCT)
union winstation_body {
    WINSTATION_MESSAGES(MESSAGE_UNION)
};

extern const struct protocol winstation_protocol;
