/* A small RDP server for one client at a time, that shows a picture by the graphics library. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "rdp-front/graphics.h"

struct test_server {
    int listening, port;
    freerdp_peer *peer;
    HANDLE channels;
    struct graphics *graphics;
    char *certificate, *key; /* PEM */
    unsigned activations, frames_done;
    int64_t activated_ms; /* the first time */
    bool gone;
};

/* Listens on a loopback port of the kernel's choice. Fails the test where it cannot. */
void server_open(struct test_server *server);
void server_close(struct test_server *server);
/* Waits for a client up to 20 s and prepares it, with the graphics pipeline or without; false when none came.
 */
bool server_accept(struct test_server *server, bool pipeline);
/* Waits up to `wait_ms` for something to do, and does it. False once the client is gone. */
bool server_step(struct test_server *server, int wait_ms);
/* Lets the client go. */
void server_drop(struct test_server *server);
