/* A real lodge-rdp with real RDP clients on a real X server; the test plays smss, broker and display agent
 * over the real ports. Every wait has a deadline; a failed check ends the test with all that it started. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rpc/credentials.h"
#include "rpc/lsm.h"
#include "rpc/winstation.h"

#define FRONT_WAIT_MS 30000

struct front {
    char directory[64];
    unsigned short port;
    int listen, sm_listen, sm, lsm_listen;
    pid_t x, rdp;
    char display[16];
    struct xcb_connection_t *xcb;
};

/* Starts the X server and lodge-rdp with these lines added to its [Listener] section. */
void front_start(struct front *front, const char *listener_lines);
void front_stop(struct front *front);

/* xfreerdp with one more option (NULL: none). */
pid_t client_start(const struct front *front, const char *user, const char *password, const char *option);
/* Waits for its end. Returns its exit status. */
int client_wait(pid_t client);
void client_kill(pid_t client);

/* Watches for a second how much processor time the workers take, and fails when it is more than a fifth: with
 * nothing to do, a worker sleeps. */
void workers_sleep(const struct front *front);

/* The broker's side of one worker. */
struct broker {
    int fd;
    uint64_t serial; /* of the last request */
};
void broker_accept(const struct front *front, struct broker *broker_r);
/* Its client has gone: waits until the worker has too, whatever that says until then. One whose broker or
 * agent goes first asks for others, and the next broker_accept would take what it opens. */
void broker_end(struct broker *broker);
/* Waits for a request of this kind, passing over `client` and `shadow_channel` ones. The caller frees it. */
Lodge__Lsm__Request *broker_receive(struct broker *broker, Lodge__Lsm__Request__MethodCase method,
                                    int *descriptor_r);
/* Waits for a logon; checks user and password where they are not NULL. */
void broker_expect_logon(struct broker *broker, const char *user, const char *password);
void broker_refuse(struct broker *broker, uint32_t reason);
/* Answers with a new winstation channel. Returns the agent's end. */
int broker_attach(struct broker *broker, uint32_t session, uint64_t viewer);
/* The worker asks what its client is to be shown, and says that this is over (0: nothing). */
void broker_expect_shadow_channel(struct broker *broker, uint64_t viewer, uint32_t session);
/* Answers that, which was the last request, with another session to show; returns that agent's end. Session
 * 0: what `viewer` names is over; returns -1. */
int broker_shadow(struct broker *broker, uint32_t session, uint64_t viewer, bool control);

/* The agent's side. */
void agent_show(int channel, unsigned width, unsigned height, uint32_t colour);
/* The same with pixels that compress badly, other ones for each `seed`. */
void agent_show_noise(int channel, unsigned width, unsigned height, unsigned seed);
/* Waits for this message; others of the viewer are passed over. */
void agent_expect(int channel, unsigned number, union winstation_body *body_r);
void agent_bye(int channel, unsigned reason);

/* Waits until the pixel in the middle of the display has about this colour (0xRRGGBB). */
void display_expect(const struct front *front, uint32_t colour);
uint32_t display_centre(const struct front *front);
void display_expect_change(const struct front *front, uint32_t from);
void display_key(const struct front *front, uint8_t keycode, bool down);
/* Types small letters (and a newline for Enter) on the X server's US keyboard. */
void display_type(const struct front *front, const char *text);

/* Waits until fd is readable, or the test fails. */
void wait_readable(int fd, const char *what);
