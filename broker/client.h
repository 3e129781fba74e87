/* What a front end says about its client, checked and bounded. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpc/lsm.h"

struct client {
    char name[64], address[64], codec[32], security[64];
    char platform[12], product[32]; /* as it says */
    uint16_t width, height;         /* in the bounds of the winstation channel, or 0: not known */
    uint32_t keyboard_layout, build;
    uint8_t redirects; /* REDIRECT_ bits in use */
};

/* Fills *client_r. Returns false, *client_r untouched, for a text that is too long or not printable. Sizes
 * are brought into their bounds. */
bool client_take(const Lodge__Lsm__Client *message, struct client *client_r);
/* Fills a message whose texts are those of `client`. */
void client_tell(const struct client *client, Lodge__Lsm__Client *message_r);
