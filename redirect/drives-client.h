/* What lodge-drives asks of the client, by way of the worker (rpc/drives.h): questions wait for their turn, a
 * bounded number of them is under way at a time, and each has one answer, in time or not. No descriptor and
 * no clock is touched here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/drives.h"

#define CLIENT_WINDOW     64     /* questions under way */
#define CLIENT_SILENT_MS  30000  /* a client that has said nothing for so long does not answer */
#define CLIENT_LATE_MS    120000 /* nor does it answer this one, whatever else it has said */
#define CLIENT_HURRIED_MS 2000   /* who waits is to be ended */

struct client;

/* An answer; status: NTSTATUS, STATUS_IO_TIMEOUT for none in time. `body` is gone after the call. */
typedef void (*client_answered)(void *user, uint32_t status, const uint8_t *body, size_t size);
/* Sends a packet to the worker. Returns 0, or a negative errno: -EAGAIN: later. */
typedef int (*client_sends)(void *user, const void *data, size_t size);

struct client_question {
    enum drives_major major;
    uint32_t device, file;
    const uint8_t *head; /* DRIVES_BODY_HEAD bytes */
    const void *data;    /* what follows it */
    size_t size;
};

struct client *client_new(client_sends send, void *user);
/* Nobody gets an answer any more. */
void client_free(struct client *client);

/* Asks. Returns false: out of memory. */
bool client_ask(struct client *client, const struct client_question *question, int64_t now_ms,
                client_answered answered, void *user);
/* Closes a file; nobody waits for it. */
void client_close(struct client *client, uint32_t device, uint32_t file, int64_t now_ms);
/* Sends what may be sent now. Returns false when the worker has gone. */
bool client_flush(struct client *client, int64_t now_ms);
/* True while something waits for the worker to read. */
bool client_is_blocked(const struct client *client);

/* An answer has come. One to a question that is not under way is ignored. */
void client_answer(struct client *client, uint32_t tag, uint32_t status, const uint8_t *body, size_t size,
                   int64_t now_ms);
/* Answers for the client, where its time is over. */
void client_expire(struct client *client, int64_t now_ms);
/* Milliseconds until client_expire has something to do, -1: nothing is asked. */
int client_wait_ms(const struct client *client, int64_t now_ms);
/* What `user` waits for is over soon, whatever the client does. */
void client_hurry(struct client *client, const void *user, int64_t now_ms);
/* Answers all that is asked of a device, or of all with device NULL, with `status`. */
void client_fail(struct client *client, const uint32_t *device, uint32_t status);
