/* The messages that the session shows to its person: a lodge-message for each, of which the agent waits only
 * for the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/winstation.h"

#define MESSAGES_MOST 8

struct messages {
    struct {
        int fd; /* of the process; -1: the place is free */
        uint64_t serial;
    } at[MESSAGES_MOST];
};

void messages_init(struct messages *messages_r);
/* Ends what is shown; nobody is told. */
void messages_end(struct messages *messages);
/* Starts to show a message. False, logged, when that cannot be. */
bool messages_show(struct messages *messages, const struct winstation_message *message);
/* Takes a message away that is still shown; messages_child_ended tells its end. */
void messages_cancel(struct messages *messages, uint64_t serial);
/* The process in that place may have ended. Returns true, with the answer, when it has. */
bool messages_child_ended(struct messages *messages, size_t place,
                          struct winstation_message_answer *answer_r);
